#pragma once

#include <string_view>

/// What fuzzers drive: each target takes any bytes to the reader of one kind of input and aborts
/// (by an exception that is no magnu::Error, or `require`) where the reader does what it must not.
/// Corpora stand in corpus/NAME; ordinary tests run them through the same functions.
namespace magnu::fuzz {

/// A study and, below a line "%SET", PATH=VALUE one a line. What is accepted must survive being
/// written and read again.
void study(std::string_view input);

/// A quantity; the first character says what it measures: e, x, m, n, or i for a whole number.
void quantity(std::string_view input);

/// A background table, and any table's fields.
void table(std::string_view input);

/// Manifests of two shards, parted by a line "%NEXT"; "@STUDY@" in them becomes the hash of the
/// study they are merged into, "@VALUES@" the checksum of their three values. A checksum is put
/// below each, unless it begins with "!".
void manifest(std::string_view input);

/// A .lock.
void lock(std::string_view input);

/// study.json and study.yaml, parted by a line "%NEXT", of the folder that results should go into.
void results(std::string_view input);

/// What all shards of a folder go by: run.json.
void identity(std::string_view input);

/// Damage to a run that was stopped, before it goes on: the first byte says in which file ('p': the
/// values', 'c': the checkpoint, whose checksum is put right), then triples of two bytes for the
/// place and one that is xored in; a zero cuts the file there.
void resume(std::string_view input);

struct Target {
  const char* name;
  void (*run)(std::string_view);
};

inline constexpr Target targets[]{
    {"study", study}, {"quantity", quantity}, {"table", table},       {"manifest", manifest},
    {"lock", lock},   {"results", results},   {"identity", identity}, {"resume", resume}};

}  // namespace magnu::fuzz
