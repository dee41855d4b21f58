#pragma once

#include <cstddef>
#include <exception>

namespace magnu {

/// Runs task(i) for i < n on some threads; the first exception is thrown again when all are done.
template <class Task>
void in_parallel(int threads, std::size_t n, const Task& task) {
  std::exception_ptr problem;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && n > 1)
  for (std::size_t i = 0; i < n; ++i) {
    try {
      task(i);
    } catch (...) {
#pragma omp critical(magnu_grid_problem)
      problem = std::current_exception();
    }
  }
  if (problem) std::rethrow_exception(problem);
}

}  // namespace magnu
