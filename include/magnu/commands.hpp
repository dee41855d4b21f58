#pragma once

#include <cstdio>
#include <string>

#include "magnu/io/results/results.hpp"
#include "magnu/options.hpp"
#include "magnu/scan/verification.hpp"

/// The program's commands, from what the command line says to an exit code.
namespace magnu {

enum ExitCode { done = 0, failed = 1, bad_usage = 2, resumable = 99 };

int run_scan(const Options& options);
int run_fit(const Options& options);
int run_spectrum(const Options& options);
int run_merge(const Options& options);
int run_status(const Options& options);
int run_check(const Options& options);
int run_list();
int run_info();

/// run_scan for a study with axes or a question of reach: one number per point of the grid.
int run_grid(const Options& options, const Study& study, const Runner& runner);

/// Onto standard output. What fails here is seen when the program ends.
void print(const std::string& text);

/// What is known of a scan before it runs.
Provenance provenance_of(const Options& options, const Runner& runner, std::size_t detectors);

/// Verifies on the CPU and on a device, if there is one. verify(runners, progress) does it; `cells`
/// are those of one runner.
using Verify =
    std::function<VerificationReport(const std::vector<const Runner*>&, const ProgressCallback&)>;
VerificationReport run_verification(const Options& options, double cells, const Verify& verify);

/// Of a scan; says so where it failed: by its verification, or because fits did. Of toys some may.
int exit_code(const VerificationReport& report, const Counters& counters);

}  // namespace magnu
