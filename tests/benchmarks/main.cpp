#include <algorithm>
#include <cstring>

#include "cases.hpp"
#include "magnu/core/memory.hpp"
#include "magnu/version.hpp"

/// Google Benchmark's options, and --quick; or --write-toys FILE alone.
int main(int argc, char** argv) {
  using namespace magnu;
  keep_freed_memory();
  if (argc == 3 && std::strcmp(argv[1], "--write-toys") == 0) {
    bench::write_toys(argv[2]);
    return 0;
  }
  const auto end = std::remove_if(argv, argv + argc, [](const char* argument) {
    return std::strcmp(argument, "--quick") == 0;
  });
  bench::quick = end != argv + argc;
  argc = static_cast<int>(end - argv);

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const auto cuda = cuda_status();
  benchmark::AddCustomContext("magnu", version() + " (" + commit() + ")");
  benchmark::AddCustomContext("processor", processor_name());
  benchmark::AddCustomContext("instruction_set", to_string(best_instruction_set()));
  benchmark::AddCustomContext("threads", std::to_string(available_processors()));
  benchmark::AddCustomContext("cuda",
                              cuda.devices.empty() ? "none: " + cuda.reason : cuda.devices.front());
  bench::register_machine();
  bench::register_fast();
  bench::register_direct();
  bench::register_growth();
  bench::register_likelihood();
  benchmark::RunSpecifiedBenchmarks();
}
