#pragma once

#include <string>
#include <vector>

#include "tests/support/process.h"

namespace tests {

// The private Docker engine that tests/run.sh started, with a swarm of one and the images of sites.
// Without it the tests fail: nothing is skipped.
class Engine {
 public:
  static const std::string& Host();          // unix:///…/docker.sock
  static const std::string& EndpointMode();  // what carries traffic here: vip or dnsrr
  static const std::string& HostAddress();   // of this machine, as containers reach it
  static std::string BaseImage() { return "orchestrator-example/base:1"; }
  static std::string NginxImage() { return "orchestrator-example/nginx:1"; }
  static std::string TraefikImage() { return "orchestrator-example/traefik:1"; }

  // `docker ARGUMENTS…` on this engine.
  static Finished Docker(std::vector<std::string> arguments);

  // The ids of a service's tasks that shall run, in one line each.
  static std::string TaskIds(const std::string& service);

  static bool HasService(const std::string& service);
  static std::string ServiceLabels(const std::string& service);  // JSON

  // Removes every service of a site and every terminal, as tests leave them.
  static void RemoveSites();

  // Ends the engine with all containers, and starts it again, as in a reboot. Start returns when
  // the engine answers.
  static void Stop();
  static void Start();
};

}  // namespace tests
