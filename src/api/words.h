// The closed word lists of the wire: what a server accepts and the OpenAPI document names.
#pragma once

#include <string>
#include <vector>

namespace servo::api {

const std::vector<std::string>& job_state_words();
// All of them with commas, for `status=`: ended backfills, too, however old.
const std::string& every_job_state();
const std::vector<std::string>& reprocess_words();
const std::vector<std::string>& overlap_words();
const std::vector<std::string>& failure_class_words();
const std::vector<std::string>& partition_status_words();
const std::vector<std::string>& mark_words();
const std::vector<std::string>& applied_words();
const std::vector<std::string>& deadline_verdict_words();

}  // namespace servo::api
