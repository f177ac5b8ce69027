// SPDX-License-Identifier: Apache-2.0
// A load generator: prints one JSON object. See bench/load_run.h for what it measures.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "bench/load_run.h"

namespace {

using monodon::bench::Histogram;
using monodon::bench::LoadOptions;
using monodon::bench::LoadResult;

void print(const char* name, const Histogram& h) {
  const auto us = [&h](double share) {
    return static_cast<double>(h.quantile(share)) / 1000;
  };
  fmt::print(
      "\"{}\": {{\"count\": {}, \"mean\": {:.1f}, \"p50\": {:.1f}, \"p90\": {:.1f}, "
      "\"p99\": {:.1f}, \"p999\": {:.1f}, \"max\": {:.1f}}}, ",
      name, h.count(), h.mean() / 1000, us(0.5), us(0.9), us(0.99), us(0.999),
      static_cast<double>(h.most()) / 1000);
}

void print(const LoadResult& r) {
  fmt::print("{{");
  print("fast", r.fast);
  print("slow", r.slow);
  fmt::print(
      "\"requests\": {}, \"seconds\": {:.4f}, \"connects\": {}, \"refused\": {}, "
      "\"broken\": {}, \"status\": {}, \"unanswered\": {}, \"retried\": {}}}\n",
      r.fast.count() + r.slow.count(), r.seconds, r.connects, r.refused, r.broken,
      r.status, r.unanswered, r.retried);
}

}  // namespace

int main(int argc, char** argv) {
  LoadOptions o;
  CLI::App app{
      "Asks an HTTP server for the same, or for varying, answers. Durations "
      "in the result are microseconds."};
  auto* address = app.add_option_group("address");
  address->add_option("--unix", o.unix_path, "path of a Unix socket");
  auto* host = address->add_option("--host", o.host, "IPv4 address");
  address->require_option(1);
  app.add_option("--port", o.port)->needs(host);
  app.add_option("-c,--connections", o.connections, "at once")
      ->check(CLI::PositiveNumber);
  app.add_flag("-k,--keep-alive", o.keep_alive);
  app.add_option("-r,--rate", o.rate, "open loop: requests a second");
  app.add_option("-d,--seconds", o.seconds);
  app.add_option("-n,--most", o.most, "stop after so many requests");
  app.add_option("-p,--path", o.path);
  app.add_option("--slow-path", o.slow_path);
  app.add_option("--slow-percent", o.slow_percent, "of the requests are for slow-path");
  app.add_option("--body", o.body, "POST so many bytes");
  app.add_flag("--vary", o.vary, "requests of many visitors instead of one");
  CLI11_PARSE(app, argc, argv);
  try {
    print(monodon::bench::LoadRun{o}.run());
  } catch (const std::exception& e) {
    fmt::print(stderr, "load: {}\n", e.what());
    return 1;
  }
  return 0;
}
