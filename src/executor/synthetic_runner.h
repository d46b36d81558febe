// Runner `synthetic`: takes its time and fails by chance, without any process. The ends lie on a
// schedule of their own, so that many short partitions take together what they should, whatever a
// wake-up costs.
#pragma once

#include "executor/runner.h"

namespace servo::executor {

class SyntheticRunner : public Runner {
 public:
    bool serves(const Part& part) const override;
    uint64_t unit_size_max(const Part&) const override { return 1; }
    void start(Unit unit, Micros now) override;
    bool busy() const override { return busy_; }
    void kill(KillReason reason, Micros now) override;
    void on_time(Micros now) override;
    Micros next_due() const override { return busy_ ? end_at_ : Micros::max(); }

 private:
    void finish(std::optional<model::FailureClass> klass, Micros ended, std::string message);

    Unit unit_;
    bool busy_ = false;
    Instant started_wall_;
    Micros started_{0};
    Micros end_at_{0};
    std::optional<model::FailureClass> outcome_;
};

}  // namespace servo::executor
