// Spans as the body of an OTLP/HTTP request in JSON (opentelemetry-proto 1.x, trace service). Pure.
#pragma once

#include <string>
#include <vector>

#include "trace/span.h"

namespace servo::trace {

// Of what the spans come from.
struct Resource {
    std::string service;   // service.name: "servo-server"
    std::string version;   // service.version
    std::string instance;  // service.instance.id
};

std::string otlp_body(const Resource& resource, const std::vector<Span>& spans);

}  // namespace servo::trace
