#include "magnu/scan/combine_problem.hpp"

namespace magnu {

void CombineProblem::add_row(std::span<const double> row_signal,
                             std::span<const double> row_magnetic,
                             std::span<const double> row_width,
                             std::span<const double> row_background) {
  const auto add = [](std::vector<double>& to, std::span<const double> from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  add(signal, row_signal);
  add(magnetic, row_magnetic);
  add(width, row_width);
  add(background, row_background);
  first_bin.push_back(first_bin.back() + row_signal.size());
}

CombineProblem CombineProblem::repeated(std::size_t times) const {
  CombineProblem problem = *this;
  problem.signal.clear();
  const auto repeat = [&](auto& values) {
    const std::size_t size = values.size();
    values.reserve(size * times);
    for (std::size_t t = 1; t < times; ++t)
      values.insert(values.end(), values.begin(), values.begin() + size);
  };
  repeat(problem.magnetic);
  repeat(problem.width);
  repeat(problem.background);
  const std::size_t bins = first_bin.back();
  for (std::size_t t = 1; t < times; ++t)
    for (std::size_t row = 1; row <= rows(); ++row)
      problem.first_bin.push_back(t * bins + first_bin[row]);
  return problem;
}

}  // namespace magnu
