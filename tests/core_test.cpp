#include <gtest/gtest.h>

#include <cmath>

#include "magnu/core/chebyshev.hpp"
#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"
#include "magnu/core/quadrature.hpp"

namespace magnu {
namespace {

TEST(Quadrature, IntegratesPolynomialsOfTwiceItsOrderExactly) {
  for (int n = 2; n <= 24; ++n) {
    const int degree = 2 * n - 1;
    const double value = integrate([&](double x) { return std::pow(x, degree); }, 0, 2, n);
    const double exact = std::pow(2.0, degree + 1) / (degree + 1);
    EXPECT_NEAR(value / exact, 1, 1e-13) << n;
  }
}

TEST(Quadrature, PanelRatioReachesItsAccuracy) {
  for (const double accuracy : {1e-6, 1e-9, 1e-12}) {
    const double r = panel_ratio(accuracy, 32);  // 16 Gauss nodes
    const double value = integrate([](double x) { return 1 / x; }, 1, r, 16);
    EXPECT_LT(std::abs(value / std::log(r) - 1), 3 * accuracy);  // a rate holds to a factor
    EXPECT_GT(std::abs(value / std::log(r) - 1), 1e-3 * accuracy) << "panels far too small";
  }
}

TEST(Quadrature, GaussNodesForARatioReachTheAccuracy) {
  for (const double ratio : {1.01, 1.5, 3.0}) {
    const int n = gauss_nodes_for(ellipse_of_ratio(ratio), 1e-12);
    const double value = integrate([](double x) { return 1 / x; }, 1, ratio, n);
    EXPECT_NEAR(value / std::log(ratio), 1, 2e-12);
  }
}

TEST(Quadrature, GeometricEdgesKeepBothEndsAndTheRatio) {
  const auto edges = geometric_edges(1e-4, 0.42341, 1.8);
  EXPECT_EQ(edges.front(), 1e-4);
  EXPECT_EQ(edges.back(), 0.42341);
  for (std::size_t i = 1; i < edges.size(); ++i) EXPECT_LE(edges[i] / edges[i - 1], 1.8 + 1e-12);
}

TEST(Chebyshev, RunningMeanOfAnExponential) {
  constexpr int n = 12;
  const auto nodes = chebyshev_nodes(n);
  const auto matrix = running_mean_matrix(n);
  std::vector<double> coefficients(n);
  for (int m = 0; m < n; ++m)
    for (int j = 0; j < n; ++j) coefficients[m] += matrix[m * n + j] * std::exp(nodes[j]);
  for (const double x : {-0.999999, -0.3, 0.4, 1.0}) {
    const double mean = std::expm1(x + 1) * std::exp(-1) / (x + 1);
    EXPECT_NEAR(chebyshev_sum(coefficients.data(), n, 1, x) / mean, 1, 1e-11) << x;
  }
}

TEST(Chebyshev, TransformThenSumReturnsTheValues) {
  constexpr int n = 7;
  const auto nodes = chebyshev_nodes(n);
  const auto transform = chebyshev_transform(n);
  std::vector<double> coefficients(n);
  for (int m = 0; m < n; ++m)
    for (int j = 0; j < n; ++j) coefficients[m] += transform[m * n + j] * std::sin(nodes[j]);
  for (const double x : nodes)
    EXPECT_NEAR(chebyshev_sum(coefficients.data(), n, 1, x), std::sin(x), 1e-14);
}

TEST(Chebyshev, PowersGiveTheSameSum) {
  constexpr int n = 8;
  const auto powers = powers_from_chebyshev(n);
  const std::vector<double> coefficients{1, -0.3, 0.2, 0.05, -0.01, 4e-3, 1e-3, -5e-4};
  for (const double x : {-1.0, -0.7, 0.1, 0.99}) {
    double sum = 0;
    for (int p = n - 1; p >= 0; --p) {
      double coefficient = 0;
      for (int m = 0; m < n; ++m) coefficient += powers[p * n + m] * coefficients[m];
      sum = sum * x + coefficient;
    }
    EXPECT_NEAR(sum, chebyshev_sum(coefficients.data(), n, 1, x), 1e-15);
  }
}

TEST(Csv, ReadsCommentsQuotesAndNumbers) {
  const CsvTable table("t.csv", "# note\nname,value\n\n\"a, \"\"b\"\"\",+1.5e3\r\nc,2\n");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.text(0, "name"), "a, \"b\"");
  EXPECT_EQ(table.number(0, "value"), 1500);
  EXPECT_EQ(table.line(1), 5);
}

TEST(Csv, FieldsReadBack) {
  for (const std::string text : {"plain", "with, comma", "with \"quotes\"", "# hash"}) {
    const CsvTable table("t.csv", "a,b\n" + csv_field(text) + ",1\n");
    ASSERT_EQ(table.rows(), 1u) << text;
    EXPECT_EQ(table.text(0, "a"), text);
  }
}

TEST(Csv, ComplaintsNameFileAndLine) {
  const CsvTable table("t.csv", "a,b\n1,x\n");
  try {
    table.number(0, "b");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.location.file, "t.csv");
    EXPECT_EQ(error.location.line, 2);
    EXPECT_EQ(error.location.key, "b");
    EXPECT_EQ(error.location.value, "x");
  }
  EXPECT_THROW(CsvTable("t.csv", "a,b\n1\n"), InputError);
  EXPECT_THROW(CsvTable("t.csv", "a,b\n1,2,3\n"), InputError);
  EXPECT_THROW(CsvTable("t.csv", "# only a comment\n"), InputError);
}

}  // namespace
}  // namespace magnu
