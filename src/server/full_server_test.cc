#include "server/full_server_test.h"

#include <fmt/format.h>

#include "api/asset.h"

namespace servo::server {

namespace json = boost::json;

TestServer::TestServer(ServerOptions options, const model::ChangeSet& stored, const Wrap& archive) {
    if (!stored.empty()) {
        const int64_t epoch = store_.take_leadership({"earlier"}).value_or(0);
        const store::CommitOutcome outcome = store_.commit({epoch, 1, instant_ms(1), &stored});
        EXPECT_EQ(outcome.fate, store::CommitFate::kCommitted) << outcome.message;
        EXPECT_TRUE(store_.resign(epoch));
    }
    if (archive) {
        archive_ = archive(store_);
    }
    engine_ = std::make_unique<engine::Engine>(store_, store::Candidate{"test"}, 1);
    loop_ = std::make_unique<engine::Loop>(*engine_, store_, [](const std::string& why) {
        ADD_FAILURE() << "the engine broke: " << why;
    });
    EXPECT_TRUE(loop_->start());
    options.listener.port = 0;
    store::Archive& read = archive_ ? *archive_ : store_;
    server_ = std::make_unique<Server>(std::move(options), *loop_, read);
    const Status started = server_->start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
}

TestServer::~TestServer() {
    server_->stop();
    loop_->stop();
}

std::string TestServer::Answer::text(const char* member) const {
    const json::object* object = json.if_object();
    const json::value* value = object == nullptr ? nullptr : object->if_contains(member);
    const json::string* found = value == nullptr ? nullptr : value->if_string();
    return found == nullptr ? "" : std::string(*found);
}

int64_t TestServer::Answer::number(const char* member) const {
    const json::object* object = json.if_object();
    const json::value* value = object == nullptr ? nullptr : object->if_contains(member);
    return value == nullptr || !value->is_number() ? -1 : value->to_number<int64_t>();
}

const json::value& TestServer::Answer::item(size_t i) const {
    return json.at("items").as_array().at(i);
}

TestServer::Answer TestServer::call(
    const std::string& method,
    const std::string& target,
    const std::string& body,
    const std::string& headers
) const {
    Answer out;
    out.reply = fetch(port(), method, target, body, headers);
    out.status = out.reply.status;
    auto parsed = api::parse_json(out.reply.body);
    if (parsed) {
        out.json = std::move(*parsed);
    }
    return out;
}

TestServer::Answer TestServer::apply(const std::string& yaml) const {
    api::ApplyRequest request;
    request.files.push_back({"servo.yaml", yaml, "/srv/code"});
    Answer answer = post("/v1/apply", api::to_text(to_json(request)));
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
    return answer;
}

TestExecutor::TestExecutor(
    const TestServer& server, std::string name, int slots, std::string headers, int64_t step_us
)
    : server_(server),
      headers_(std::move(headers)),
      step_us_(step_us),
      session_(static_cast<int64_t>(std::hash<std::string>{}(name) >> 2) | 1),
      slots_(slots) {
    const auto answer = server_.post(
        "/v1/executor/register",
        fmt::format(R"({{"executor":"{}","session":{},"slots":{}}})", name, session_, slots),
        headers_
    );
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
}

json::value TestExecutor::call(const char* kind, json::object body) {
    body["session"] = session_;
    body["call"] = ++calls_[kind[0] == 'a' ? 1 : 0];
    body["ack"] = ack_;
    const auto answer =
        server_.post(std::string("/v1/executor/") + kind, api::to_text(body), headers_);
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
    return answer.json;
}

uint64_t TestExecutor::work(Fails fails) {
    return run(fails, false);
}

uint64_t TestExecutor::work_once(Fails fails) {
    return run(fails, true);
}

uint64_t TestExecutor::run(Fails fails, bool once) {
    uint64_t total = 0;
    json::value reply = call("report", {{"free_slots", slots_}});
    while (reply.is_object() && !reply.at("grants").as_array().empty()) {
        std::map<int64_t, json::object> results;  // by lease
        std::map<int64_t, uint64_t> position;     // of each lease
        for (const json::value& grant : reply.at("grants").as_array()) {
            const int64_t lease = grant.at("lease").as_int64();
            ack_ = std::max(ack_, grant.at("number").as_int64());
            json::array pos;
            json::array start;
            json::array dur;
            json::array failed;
            for (const json::value& run : grant.at("runs").as_array()) {
                for (int64_t index = run.at(0).as_int64(); index < run.at(1).as_int64(); ++index) {
                    const uint64_t at = position[lease]++;
                    ++total;
                    if (fails != nullptr && fails(static_cast<uint64_t>(index))) {
                        failed.push_back(
                            {{"pos", at},
                             {"start", 1'700'000'000'000},
                             {"dur", 5'000},
                             {"class", "data"},
                             {"exit_code", 65},
                             {"message", "bad row"}}
                        );
                        continue;
                    }
                    start.push_back(start.empty() ? 1'700'000'000'000 : 0);
                    pos.push_back(at);
                    dur.push_back(step_us_ * (index + 1));
                }
            }
            json::object& result = results[lease];
            result["lease"] = lease;
            if (!pos.empty()) {
                result["done"] = {{"pos", pos}, {"start", start}, {"dur", dur}};
            }
            result["failed"] = failed;
        }
        json::array list;
        for (auto& [lease, result] : results) {
            list.push_back(result);
        }
        reply = call("report", {{"results", list}, {"free_slots", once ? 0 : slots_}});
        if (once) {
            break;
        }
    }
    return total;
}

std::string asset_yaml(const std::string& name, const std::string& start) {
    return fmt::format(
        "version: 1\nassets:\n  {}:\n    partitions: {{ every: day, start: {}, end: 2024-02-01 }}\n"
        "    run: {{ command: [\"true\"] }}\n",
        name,
        start
    );
}

}  // namespace servo::server
