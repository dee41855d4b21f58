#include "magnu/options.hpp"

#include <spdlog/spdlog.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"
#include "magnu/scan/cuda_runner.hpp"

namespace magnu {

int thread_count(const Options& options) {
  if (options.threads.empty()) {
    // What the scheduler gives a task, where it does not bind it to processors.
    const char* given = std::getenv("SLURM_CPUS_PER_TASK");
    const int cpus = given ? std::atoi(given) : 0;
    return cpus > 0 ? std::min(cpus, available_processors()) : available_processors();
  }
  double value = 0;
  if (!parse_number(options.threads, value) || value != std::floor(value) || value < 1 ||
      value > 4096)
    throw InputError({"", 0, "--threads", options.threads}, "not a number of threads",
                     "give a whole number from 1 to 4096, or leave the option out");
  return static_cast<int>(value);
}

InstructionSet instruction_set(const Options& options) {
  const auto isa = options.isa == "v4"        ? InstructionSet::v4
                   : options.isa == "v3"      ? InstructionSet::v3
                   : options.isa == "default" ? InstructionSet::baseline
                                              : best_instruction_set();
  if (!supported(isa))
    throw InputError({"", 0, "--isa", options.isa}, "this processor lacks it",
                     "the widest here is " + to_string(best_instruction_set()));
  return isa;
}

std::unique_ptr<Runner> make_runner(const Options& options) {
  auto cpu = make_cpu_runner(thread_count(options), instruction_set(options));
  if (options.backend == "cpu") return cpu;
  const auto& cuda = cuda_status();
  if (cuda.usable()) return make_cuda_runner();
  if (options.backend == "cuda")
    throw InputError({"", 0, "--backend", "cuda"}, "no usable CUDA device: " + cuda.reason,
                     "use --backend cpu or auto");
  if (cuda.built_in) {
    spdlog::info("no usable CUDA device ({}): running on the CPU", cuda.reason);
  } else {
    spdlog::debug("{}: running on the CPU", cuda.reason);
  }
  return cpu;
}

Evaluation evaluation_of(const Options& options) {
  return options.evaluation == "direct" ? Evaluation::direct : Evaluation::fast;
}

double checkpoint_seconds(const std::string& text) {
  const auto number = text.substr(0, text.find_first_not_of("0123456789.eE+-"));
  auto unit = text.substr(number.size());
  std::erase(unit, ' ');
  const double factor = unit.empty() || unit == "s" ? 1
                        : unit == "min"             ? 60
                        : unit == "h"               ? 3600
                                                    : 0;
  double value = 0;
  if (!parse_number(number, value) || !(value > 0 && value < 1e9) || factor == 0)
    throw InputError({"", 0, "--checkpoint-every", text}, "not a time",
                     "give for example 60s, 5min or 0.1s");
  return value * factor;
}

std::pair<std::size_t, std::size_t> parse_shard(const std::string& text) {
  std::size_t shard = 0, shards = 0;
  int end = 0;
  if (std::sscanf(text.c_str(), "%zu/%zu%n", &shard, &shards, &end) != 2 ||
      static_cast<std::size_t>(end) != text.size() || shard < 1 || shard > shards ||
      shards > 1'000'000)
    throw InputError({"", 0, "--shard", text}, "not a shard",
                     "give I/N with I from 1 to N: --shard 3/8");
  return {shard, shards};
}

std::string shell_word(std::string word) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  for (std::size_t at = 0; (at = word.find('\'', at)) != std::string::npos; at += 4)
    word.replace(at, 1, "'\\''");
  return "'" + word + "'";
}

}  // namespace magnu
