// The `limit` of every list of the API.
#pragma once

namespace servo::api {

constexpr int kPageMax = 500;
constexpr int kPageDefault = 50;

}  // namespace servo::api
