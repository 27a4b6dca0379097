#pragma once

#include <map>
#include <string>
#include <vector>

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"
#include "traefik/schema/option.h"

namespace traefik::codec {

using Labels = std::map<std::string, std::string>;

// What Traefik's Docker and Swarm providers read from the labels of one service, before they add
// what labels do not say (the address of the tasks, the default rule). Labels that are not about
// routing are passed over. What `target` does not know is an error, as it is there.
Value DecodeLabels(const Labels& labels, Problems& problems,
                   schema::Version target = schema::kNewest);

// What the same labels say about the service itself: {"enable", "docker", "swarm"}, as far as they
// do. All other labels are passed over.
Value DecodeServiceLabels(const Labels& labels, Problems& problems);

struct EncodedLabels {
  Labels labels;
  std::vector<Problem> lost;  // what labels cannot say
};

// The shortest set of labels that Traefik reads back to `configuration`, a value of DecodeDocument
// or DecodeLabels; keys as Traefik's documentation spells them.
EncodedLabels EncodeLabels(const Value& configuration);

}  // namespace traefik::codec
