#include "magnu/statistics/likelihood.hpp"

#include <algorithm>
#include <cmath>

namespace magnu {
namespace {

constexpr std::size_t whole_vector = 8;

std::size_t padded(std::size_t bins) {
  return (bins + whole_vector - 1) / whole_vector * whole_vector;
}

View<const double> view_of(const std::vector<double>& values) {
  return {values.data(), values.size()};
}

}  // namespace

Likelihood::Likelihood(std::size_t bins)
    : bins_(bins), padded_(padded(bins)), base_(padded_), slope_(padded_) {}

void Likelihood::add(const Nuisance& nuisance, std::span<const double> base,
                     std::span<const double> slope) {
  if (nuisance.sigma == 0) {
    const std::size_t fixed = base_.size() - padded_;
    for (std::size_t i = 0; i < bins_; ++i) {
      base_[fixed + i] += nuisance.nominal * base[i];
      slope_[fixed + i] += nuisance.nominal * slope[i];
    }
    return;
  }
  const auto put = [&](std::vector<double>& rows, std::span<const double> row) {
    auto place = rows.insert(rows.end() - static_cast<std::ptrdiff_t>(padded_), padded_, 0.0);
    std::copy_n(row.begin(), bins_, place);
  };
  put(base_, base);
  put(slope_, slope);
  nuisances_.push_back(nuisance);
  weight_.push_back(1 / (nuisance.sigma * nuisance.sigma));  // 0 of an infinite one
  least_.push_back(nuisance.positive ? 0 : -std::numeric_limits<double>::infinity());
  inside_.push_back(nuisance.positive && !(nuisance.nominal > 0) ? 1 : nuisance.nominal);
}

LikelihoodView Likelihood::view() const {
  return {nuisances_.size(), padded_,         view_of(base_),  view_of(slope_),
          view_of(weight_),  view_of(least_), view_of(inside_)};
}

Likelihood Likelihood::with_fixed(std::size_t parameter, double value) const {
  Likelihood other(bins_);
  for (std::size_t p = 0; p < nuisances_.size(); ++p) {
    auto nuisance = nuisances_[p];
    if (p == parameter) {
      nuisance.sigma = 0;
      nuisance.nominal = value;
    }
    other.add(nuisance, base(p), slope(p));
  }
  other.add({"", 1, 0, false}, base(nuisances_.size()), slope(nuisances_.size()));
  return other;
}

Likelihood join(std::span<const JoinedPart> parts) {
  std::size_t bins = 0;
  for (const auto& part : parts) bins += part.likelihood->bins();
  struct Row {
    Nuisance nuisance;
    std::vector<double> base, slope;
  };
  std::vector<Row> rows;
  const auto add = [&](const Nuisance& nuisance) {
    auto& row = rows.emplace_back();
    row.nuisance = nuisance;
    row.base.resize(bins);
    row.slope.resize(bins);
    return &row;
  };
  add({"", 1, 0, false});
  std::size_t first = 0;
  for (const auto& part : parts) {
    const auto& own = *part.likelihood;
    for (std::size_t p = 0; p <= own.nuisances().size(); ++p) {
      Row* row = &rows.front();  // of what is fixed
      if (p < own.nuisances().size()) {
        auto nuisance = own.nuisances()[p];
        if (!nuisance.shared) nuisance.name = part.name + ": " + nuisance.name;
        const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& other) {
          return nuisance.shared && other.nuisance.name == nuisance.name;
        });
        row = found != rows.end() ? &*found : add(nuisance);
      }
      std::copy_n(own.base(p).begin(), own.bins(), row->base.begin() + first);
      std::copy_n(own.slope(p).begin(), own.bins(), row->slope.begin() + first);
    }
    first += own.bins();
  }
  Likelihood joined(bins);
  for (const auto& row : rows) joined.add(row.nuisance, row.base, row.slope);
  return joined;
}

std::vector<double> Likelihood::expected(double s, std::span<const double> theta) const {
  std::vector<double> sum(bins_);
  for (std::size_t p = 0; p <= nuisances_.size(); ++p) {
    const double size = p == nuisances_.size() ? 1
                        : theta.empty()        ? nuisances_[p].nominal
                                               : theta[p];
    for (std::size_t i = 0; i < bins_; ++i)
      sum[i] += size * (base_[p * padded_ + i] + s * slope_[p * padded_ + i]);
  }
  return sum;
}

std::vector<double> Likelihood::nominal() const {
  std::vector<double> values;
  for (const auto& nuisance : nuisances_) values.push_back(nuisance.nominal);
  return values;
}

Data::Data(const Likelihood& likelihood, std::span<const double> counts,
           std::vector<double> measured)
    : counts_(padded(likelihood.bins())), measured_(std::move(measured)) {
  std::copy_n(counts.begin(), likelihood.bins(), counts_.begin());
}

Data::Data(const Likelihood& likelihood, std::span<const double> counts)
    : Data(likelihood, counts, likelihood.nominal()) {}

}  // namespace magnu
