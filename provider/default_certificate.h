#pragma once

#include "traefik/configuration.h"

namespace provider {

// A new self-signed P-256 certificate for hosts that have no better one, valid for ten years.
// Without one in the document, Traefik makes an RSA key at every reload, which takes 40 to 150 ms.
traefik::Certificate MakeDefaultCertificate();

}  // namespace provider
