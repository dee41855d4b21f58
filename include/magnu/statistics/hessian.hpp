#pragma once

#include <span>
#include <vector>

#include "magnu/statistics/likelihood.hpp"

namespace magnu {

using Matrix = std::vector<std::vector<double>>;

/// Of a symmetric matrix that is positive; empty where it is not.
Matrix inverse(Matrix a);

/// Second derivatives of the negative log-likelihood in s and theta, s first.
Matrix hessian(const Likelihood& likelihood, std::span<const double> counts, double s,
               std::span<const double> theta);

}  // namespace magnu
