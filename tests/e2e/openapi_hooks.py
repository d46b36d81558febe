"""What schemathesis must not claim: that it heard of commits which the database does not have. A
server that is told so stops scheduling, as it must (db_went_back), and answers nothing else."""
import schemathesis

SEEN = ("seen_epoch", "seen_seq")


@schemathesis.hook
def before_call(_context, case, _kwargs):
    if isinstance(case.body, dict):
        for name in SEEN:
            case.body.pop(name, None)
