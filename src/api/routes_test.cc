// The list of routes and the OpenAPI document made from it. SERVO_UPDATE_GOLDEN=1 rewrites the
// checked-in document.
#include "api/routes.h"

#include <gtest/gtest.h>

#include <set>

#include "api/json.h"
#include "api/openapi.h"
#include "base/golden_test_support.h"

namespace servo::api {
namespace {

namespace json = boost::json;

TEST(Routes, IdsAndMethodPathPairsAreUnique) {
    std::set<std::string_view> ids;
    std::set<std::pair<Method, std::string_view>> paths;
    for (const Route& route : routes()) {
        EXPECT_TRUE(ids.insert(route.id).second) << route.id;
        EXPECT_TRUE(paths.insert({route.method, route.path}).second) << route.path;
        EXPECT_EQ(route.request.empty(), route.method == Method::kGet || route.id == "fsck")
            << route.id;
        EXPECT_EQ(route.repeat == Repeat::kSafe, route.method == Method::kGet) << route.id;
    }
}

TEST(Routes, ExpandEncodesValues) {
    EXPECT_EQ(expand_path(route("get_backfill"), {"bf_1"}), "/v1/backfills/bf_1");
    EXPECT_EQ(
        expand_path(route("get_partition"), {"sales", "2024-01-01|eu"}, {{"tenant", "a&b"}}),
        "/v1/assets/sales/partitions/2024-01-01%7Ceu?tenant=a%26b"
    );
}

TEST(Routes, PercentRoundTripAndBadEscapes) {
    std::string all = "\u00e4\u20ac\U0001f600";
    for (char c = 1; c < 127; ++c) {
        all += c;
    }
    EXPECT_EQ(percent_decode(percent_encode(all)).value(), all);
    for (const char* bad : {"%", "%4", "%zz", "a%0", "%00", "%ff", "a%c3", "\xff"}) {
        EXPECT_EQ(percent_decode(bad).error().reason, "bad_path") << bad;
    }
}

// Every operation of the document is a route and the other way round.
TEST(OpenApi, EqualsTheRoutes) {
    const json::object document = openapi_document();
    std::set<std::string> described;
    for (const auto& path : document.at("paths").as_object()) {
        for (const auto& operation : path.value().as_object()) {
            described.insert(std::string(operation.key()) + " " + std::string(path.key()));
        }
    }
    std::set<std::string> expected;
    for (const Route& route : routes()) {
        std::string method(to_string(route.method));
        for (char& c : method) {
            c = static_cast<char>(std::tolower(c));
        }
        expected.insert(method + " " + std::string(route.path));
        if (route.scope == Scope::kTenant) {
            expected.insert(
                method + " " + std::string(kTenantPrefix) + std::string(route.path.substr(3))
            );
        }
    }
    EXPECT_EQ(described, expected);
}

void collect_references(const json::value& value, std::set<std::string>& out) {
    if (const json::object* object = value.if_object()) {
        for (const auto& member : *object) {
            if (member.key() == "$ref") {
                out.insert(std::string(member.value().as_string()));
            }
            collect_references(member.value(), out);
        }
    } else if (const json::array* array = value.if_array()) {
        for (const json::value& item : *array) {
            collect_references(item, out);
        }
    }
}

TEST(OpenApi, EveryReferenceResolvesAndEverySchemaIsUsed) {
    const json::object document = openapi_document();
    const json::object& components = document.at("components").as_object();
    std::set<std::string> references;
    collect_references(document, references);
    std::set<std::string> defined;
    for (const std::string kind : {"schemas", "responses"}) {
        for (const auto& one : components.at(kind).as_object()) {
            defined.insert("#/components/" + kind + "/" + std::string(one.key()));
        }
    }
    EXPECT_EQ(references, defined);
}

// Whoever reads the document knows what to send and what may come back.
TEST(OpenApi, EveryOperationSaysWhoMayCallAndWhatIsRefused) {
    const json::object document = openapi_document();
    EXPECT_TRUE(document.at("components").at("securitySchemes").as_object().contains("token"));
    for (const auto& path : document.at("paths").as_object()) {
        for (const auto& operation : path.value().as_object()) {
            const json::object& one = operation.value().as_object();
            const bool open = one.at("x-servo-role").as_string() == "public";
            EXPECT_EQ(one.contains("security"), open) << path.key();
            const json::object& responses = one.at("responses").as_object();
            EXPECT_FALSE(responses.contains("default")) << path.key();
            for (const char* status : {"401", "404", "429"}) {
                EXPECT_EQ(responses.contains(status), !open) << path.key() << status;
            }
            // What is looked at before the route: origin, body and header.
            for (const char* status : {"403", "413", "415", "431"}) {
                EXPECT_TRUE(responses.contains(status)) << path.key() << status;
            }
        }
    }
}

TEST(OpenApi, EqualsTheCheckedInDocument) {
    expect_golden("docs/reference/openapi.json", to_pretty_text(openapi_document()));
}

}  // namespace
}  // namespace servo::api
