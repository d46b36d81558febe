#include "cli/explanation.h"

#include <sstream>

#include "cli/text.h"

namespace servo::cli {

std::string explanation_text(Session& session, const api::Explanation& answer) {
    Facts facts;
    facts.add("backfill", answer.backfill_id);
    facts.add("partition", answer.partition.value_or(""));
    facts.add("state", Cell(answer.state, tone_of_state(answer.state)));
    facts.add("why", answer.summary);
    facts.add("waiting", wait_reasons(answer.reasons, session.now()));
    facts.add("type", answer.command);
    std::ostringstream text;
    facts.print(text, session.output().colour_out());
    return text.str();
}

void print_explanation(Session& session, const api::Explanation& answer) {
    session.output().thing(
        {api::to_json(answer),
         answer.partition.value_or(answer.backfill_id),
         explanation_text(session, answer)}
    );
}

}  // namespace servo::cli
