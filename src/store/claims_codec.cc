#include "store/claims_codec.h"

#include <boost/json.hpp>

namespace servo::store {

namespace json = boost::json;

std::string encode_claims(const std::vector<model::Claim>& claims) {
    json::array out;
    for (const model::Claim& claim : claims) {
        out.push_back(json::array{to_ms(claim.at), claim.waited.count()});
    }
    return json::serialize(out);
}

Result<std::vector<model::Claim>> decode_claims(std::string_view text) {
    std::vector<model::Claim> out;
    try {
        const json::value parsed = json::parse(text);
        for (const json::value& item : parsed.as_array()) {
            const json::array& pair = item.as_array();
            out.push_back(
                {instant_ms(pair.at(0).to_number<int64_t>()),
                 Millis(pair.at(1).to_number<int64_t>())}
            );
        }
    } catch (const std::exception& error) {
        return fail(internal(
            "corrupt_payload", std::string("The claims of a job cannot be read: ") + error.what()
        ));
    }
    return out;
}

}  // namespace servo::store
