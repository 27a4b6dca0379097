#include "orchestrator/adopt/director_service.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/adopt/fixture.h"

namespace orchestrator::adopt {
namespace {

using Texts = std::vector<std::string>;

void MakeStatic(docker::Service& service, std::string image) {
  service.spec.task.image = std::move(image);
  service.spec.task.mounts.front().target = "/usr/share/nginx/html";
}

TEST_CASE("Director's service is refused where its site would be another", "[adopt]") {
  CHECK(ProposeOne(Director(5, "a.example"), {{5}}).refusal ==
        "there is a site with the id 5 already");
  CHECK(ProposeOne(Director(5, "a.example"), {{5}}).takes_over_service);

  docker::Service service = Director(5, "a.example");
  service.spec.labels["traefik.http.services.site_0005.loadbalancer.server.port"] = "8080";
  CHECK(ProposeOne(service).refusal.contains("the port 8080"));

  service = Director(5, "a_b!.example");
  CHECK(ProposeOne(service).refusal.contains("has the host 'a_b!.example'"));

  service = Director(5, "a.example");
  service.spec.task.environment.push_back("NOT-A-NAME=x");
  CHECK(ProposeOne(service).refusal.contains("/environment/NOT-A-NAME"));

  service = Director(5, "a.example");
  service.spec.labels = {{"traefik.enable", "false"}};
  CHECK(ProposeOne(service).refusal.contains("rule names its hosts"));
}

TEST_CASE("Director's dynamic service becomes a dynamic site", "[adopt]") {
  const Proposal proposal = ProposeOne(Director(5, "a.example"));
  REQUIRE(proposal.site.has_value());
  CHECK(proposal.takes_over_service);
  const site::Site& site = *proposal.site;
  CHECK(site.id == site::SiteId{5});
  CHECK(site.kind == site::Kind::kDynamic);
  CHECK_FALSE(site.image.has_value());
  CHECK(site.served);
  CHECK(site.resources == site::Resources{{600'000'000}, {100'000'000}, {2'097'152}});
  CHECK(site.environment.empty());
  CHECK_FALSE(site.database.has_value());
  CHECK(site.routing == site::Routing{});
  REQUIRE(proposal.remarks.size() == 1);
  CHECK(proposal.remarks.front().contains("name no entry points"));
}

TEST_CASE("Director's static service becomes a static site", "[adopt]") {
  struct Case {
    const char* sentence;
    const char* image;
    std::optional<std::string> wanted;
  };
  const Case cases[] = {
      {"should leave Director's image to the configuration", "nginx:latest", {}},
      {"should know it with its digest", "nginx:latest@sha256:0123", {}},
      {"should keep others", "nginx:1.27", "nginx:1.27"},
      {"should keep those that start alike", "nginx:latest-alpine", "nginx:latest-alpine"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    docker::Service service = Director(5, "a.example");
    MakeStatic(service, c.image);
    const Proposal proposal = ProposeOne(service);
    REQUIRE(proposal.site.has_value());
    CHECK(proposal.site->kind == site::Kind::kStatic);
    CHECK(proposal.site->image == c.wanted);
  }
}

TEST_CASE("Limits that sites do not have are replaced with a remark", "[adopt]") {
  docker::Service service = Director(5, "a.example");
  service.spec.task.nano_cpus = 1;
  service.spec.task.memory_bytes = 4'000'000;
  Proposal proposal = ProposeOne(service);
  REQUIRE(proposal.site.has_value());
  CHECK(proposal.site->resources.cpus == site::NanoCpus{1'000'000});
  CHECK(proposal.site->resources.memory == site::Bytes{6 << 20});
  CHECK(HasRemark(proposal, "the limit of CPU"));
  CHECK(HasRemark(proposal, "the limit of memory"));

  service.spec.task.nano_cpus = 0;
  service.spec.task.memory_bytes = 0;
  proposal = ProposeOne(service);
  CHECK(proposal.site->resources.cpus == site::Resources{}.cpus);
  CHECK(proposal.site->resources.memory == site::Resources{}.memory);
  CHECK(HasRemark(proposal, "no limit of CPU"));
  CHECK(HasRemark(proposal, "no limit of memory"));
}

TEST_CASE("A request body without a limit gets the largest one", "[adopt]") {
  for (const char* limit : {"0", "9223372036854775807"}) {
    INFO(limit);
    docker::Service service = Director(5, "a.example");
    service.spec.labels
        ["traefik.http.middlewares.max-request-2097152.buffering."
         "maxRequestBodyBytes"] = limit;
    const Proposal proposal = ProposeOne(service);
    REQUIRE(proposal.site.has_value());
    CHECK(proposal.site->resources.max_request_body == site::Bytes{std::int64_t{1} << 46});
    CHECK(HasRemark(proposal, "request bodies have"));
  }
}

TEST_CASE("The environment is the site's without what the orchestrator sets", "[adopt]") {
  struct Case {
    const char* sentence;
    Texts environment;
    std::map<std::string, std::string> left;
    bool database;
    const char* remark;
  };
  const Texts whole = {"DATABASE_URL=postgres://h/n",     "DIRECTOR_DATABASE_URL=postgres://h/n",
                       "DIRECTOR_DATABASE_TYPE=postgres", "DIRECTOR_DATABASE_HOST=h",
                       "DIRECTOR_DATABASE_PORT=",         "DIRECTOR_DATABASE_NAME=n",
                       "DIRECTOR_DATABASE_USERNAME=u",    "DIRECTOR_DATABASE_PASSWORD=a=b"};
  Texts other_url = whole;
  other_url.front() = "DATABASE_URL=url=URL(…)";
  const Case cases[] = {
      {"should keep a database in part as variables",
       {"DIRECTOR_DATABASE_URL=postgres://h/n", "DATABASE_URL=postgres://h/n"},
       {{"DIRECTOR_DATABASE_URL", "postgres://h/n"}, {"DATABASE_URL", "postgres://h/n"}},
       false,
       "stay plain variables"},
      {"should remark on variables that are unset", {"NAME"}, {}, false, "unsets NAME"},
      {"should remark on a DATABASE_URL that is none", other_url, {}, true, "DATABASE_URL is not"},
      {"should keep a DATABASE_URL of the user's own",
       {"DATABASE_URL=sqlite:x"},
       {{"DATABASE_URL", "sqlite:x"}},
       false,
       ""},
      {"should take the orchestrator's own out",
       {"PORT=80", "HOST=0.0.0.0", "TZ=Asia/Tokyo", "A=b=c", "EMPTY="},
       {{"A", "b=c"}, {"EMPTY", ""}, {"TZ", "Asia/Tokyo"}},
       false,
       ""},
      {"should read a database", whole, {}, true, ""},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    docker::Service service = Director(5, "a.example");
    service.spec.task.environment = c.environment;
    const Proposal proposal = ProposeOne(service);
    REQUIRE(proposal.site.has_value());
    CHECK(proposal.site->environment == c.left);
    CHECK(proposal.site->database.has_value() == c.database);
    if (c.database) {
      CHECK(*proposal.site->database == site::Database{"postgres://h/n", "n", "u", "a=b"});
    }
    CHECK(HasRemark(proposal, c.remark));
    CHECK(proposal.remarks.size() == (*c.remark ? 2 : 1));  // one is about entry points
  }
}

TEST_CASE("How many tasks there are says whether the site is served", "[adopt]") {
  docker::Service service = Director(5, "a.example");
  service.spec.replicas = 0;
  CHECK_FALSE(ProposeOne(service).site->served);
  service.spec.replicas = 3;
  const Proposal proposal = ProposeOne(service);
  CHECK(proposal.site->served);
  CHECK(HasRemark(proposal, "has 3 tasks; a site has one"));
}

TEST_CASE("What else the service does otherwise is remarked", "[adopt]") {
  docker::Service service = Director(5, "a.example");
  service.spec.update.order = "stop-first";
  service.spec.labels["traefik.enable"] = "FALSE";
  service.spec.labels["traefik.swarm.network"] = "elsewhere";
  const Proposal proposal = ProposeOne(service);
  REQUIRE(proposal.site.has_value());
  CHECK(HasRemark(proposal, "update_order is stop-first"));
  CHECK(HasRemark(proposal, "traefik.enable"));
  CHECK(HasRemark(proposal, "network elsewhere"));
}

TEST_CASE("Director's sites may share the middleware that another of them defines", "[adopt]") {
  docker::Service first = Director(1, "a.example");
  docker::Service second = Director(2, "b.example");
  std::erase_if(second.spec.labels,
                [](const auto& label) { return label.first.contains("middlewares.max-request"); });
  const auto proposals = Propose({second, first}, {}, Options());
  REQUIRE(proposals.size() == 2);
  CHECK(proposals[0].service == "site_0001");
  CHECK(proposals[1].site->resources.max_request_body == site::Bytes{2'097'152});
  CHECK(ProposeOne(second).refusal.contains("names the middleware max-request-2097152@swarm"));
}

TEST_CASE("An image that was built for the site is no choice of the site's", "[adopt]") {
  docker::Service service = Director(5, "a.example");
  for (const char* image : {"site_0005", "site_0005:latest", "site_0005:latest@sha256:1"}) {
    INFO(image);
    service.spec.task.image = image;
    const Proposal proposal = ProposeOne(service);
    REQUIRE(proposal.site.has_value());
    CHECK_FALSE(proposal.site->image.has_value());
    CHECK(proposal.built_image == image);
  }
  service.spec.task.image = "site_0006";
  const Proposal proposal = ProposeOne(service);
  CHECK(proposal.site->image == "site_0006");
  CHECK(proposal.built_image.empty());
}

TEST_CASE("A service that the swarm does not run as replicas becomes no site", "[adopt]") {
  docker::Service service = Director(5, "a.example");
  service.spec.replicated = false;
  CHECK(ProposeOne(service).refusal.contains("on every node"));
}

TEST_CASE("What the next deployment would change of the tasks is remarked", "[adopt]") {
  docker::Service service = Director(5, "a.example");
  docker::TaskTemplate& task = service.spec.task;
  task.arguments = {"x"};
  task.user = "1000";
  task.networks = {"a", "b"};
  task.mounts[0].source = "/elsewhere/5";
  ProposeOptions options = Options();
  options.sites_directory = "/data/sites";
  const auto proposals = Propose({service}, {}, options);
  REQUIRE(proposals.size() == 1);
  for (const char* remark : {"arguments", "the user 1000", "more networks", "/elsewhere/5"}) {
    INFO(remark);
    CHECK(HasRemark(proposals[0], remark));
  }
}

}  // namespace
}  // namespace orchestrator::adopt
