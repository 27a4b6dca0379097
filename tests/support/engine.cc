#include "tests/support/engine.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/eventually.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

std::string Required(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) {
    throw std::runtime_error(std::string(name) +
                             " is not set: start these tests with tests/run.sh");
  }
  return value;
}

}  // namespace

const std::string& Engine::Host() {
  static const std::string host = Required("TEST_ENGINE");
  return host;
}

const std::string& Engine::EndpointMode() {
  static const std::string mode = Required("TEST_ENDPOINT_MODE");
  return mode;
}

const std::string& Engine::HostAddress() {
  static const std::string address = Required("TEST_HOST_ADDRESS");
  return address;
}

Finished Engine::Docker(std::vector<std::string> arguments) {
  static const std::string client = Required("TEST_DOCKER_CLIENT");
  arguments.insert(arguments.begin(), {client, "-H", Host()});
  return RunProgram(arguments);
}

std::string Engine::TaskIds(const std::string& service) {
  return Docker({"service", "ps", "-q", "--no-trunc", "-f", "desired-state=running", service})
      .output;
}

bool Engine::HasService(const std::string& service) {
  return Docker({"service", "inspect", service}).status == 0;
}

std::string Engine::ServiceLabels(const std::string& service) {
  return Docker({"service", "inspect", "-f", "{{json .Spec.Labels}}", service}).output;
}

void Engine::RemoveSites() {
  std::istringstream names(Docker({"service", "ls", "-q", "-f", "label=orchestrator.site"}).output);
  std::vector<std::string> remove{"service", "rm"};
  for (std::string name; names >> name;) remove.push_back(name);
  if (remove.size() > 2) Docker(remove);
  std::istringstream terminals(Docker({"ps", "-aq", "-f", "label=orchestrator.terminal"}).output);
  for (std::string id; terminals >> id;) Docker({"rm", "-f", id});
}

void Engine::Stop() {
  const std::string directory = Required("TEST_ENGINE_DIRECTORY");
  pid_t engine = 0;
  std::ifstream(directory + "/pid") >> engine;
  kill(engine, SIGTERM);
  if (!Eventually([&] { return kill(engine, 0) != 0; }, 60s)) {
    throw std::runtime_error("the engine does not stop");
  }
}

void Engine::Start() {
  const std::string directory = Required("TEST_ENGINE_DIRECTORY");
  const std::string start = "setsid dockerd --data-root " + directory + "/data --exec-root " +
                            directory + "/exec -p " + directory + "/pid -H " + Host() + " >>" +
                            directory + "/log 2>&1 </dev/null &";
  RunProgram({"sh", "-c", start});
  if (!Eventually([] { return Docker({"node", "ls"}).status == 0; }, 60s)) {
    throw std::runtime_error("the engine does not come back");
  }
}

}  // namespace tests
