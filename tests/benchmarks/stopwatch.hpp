#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <ctime>
#include <map>
#include <typeinfo>

#include "magnu/scan/cpu_loop.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/host_memory.hpp"
#include "magnu/scan/pipeline.hpp"

namespace magnu::bench {

/// An executor on one thread that adds up the time of each body it runs, by the body's name.
class Stopwatch : public HostMemory {
 public:
  static constexpr bool row_by_row = false;
  using Times = std::map<std::string, double>;  ///< seconds

  Stopwatch(InstructionSet isa, Times* times) : isa_(isa), times_(times) {}

  std::string name() const { return "stopwatch"; }
  std::string device() const { return processor_name(); }
  std::string instruction_set() const { return to_string(isa_); }
  int threads() const { return 1; }
  int concurrent_calls() const { return 1; }
  std::size_t parts(std::size_t) const { return 1; }
  std::size_t working_bytes() const { return std::size_t{4} << 20; }

  template <class F>
  auto with_lanes(F&& f) const {
    return f(std::integral_constant<int, 32>{});
  }

  template <class Body>
  void for_each(std::size_t n, const Body& body, std::size_t, const Meanwhile& = {}) const {
    static const std::string name = body_name(typeid(Body).name());
    const double start = thread_seconds();
    loop(body, n);
    (*times_)[name] += thread_seconds() - start;
  }

  template <class Term>
  std::vector<double> sum_segments(std::size_t, std::size_t, const Term&) const {
    return {};  // chi^2 is no part of what is timed
  }

 private:
  /// Processor time of this thread.
  static double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  /// Without namespace and template arguments.
  static std::string body_name(const char* mangled) {
    char* demangled = abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr);
    std::string name = demangled;
    std::free(demangled);
    name = name.substr(0, name.find('<'));
    return name.substr(name.rfind(':') + 1);
  }

  template <class Body>
  void loop(const Body& body, std::size_t n) const {
#ifdef MAGNU_ISA_DISPATCH
    if (isa_ == InstructionSet::v4) return loop_v4(body, 0, n);
    if (isa_ == InstructionSet::v3) return loop_v3(body, 0, n);
#endif
    loop_baseline(body, 0, n);
  }

  InstructionSet isa_;
  Times* times_;
};

}  // namespace magnu::bench
