// SPDX-License-Identifier: Apache-2.0
// An interpreter that waits for the next edit of a development server.
#include "master/system/spare_interpreter.h"

#include <poll.h>

#include <utility>

#include "base/process/child_state.h"
#include "worker/wire/zygote_signals.h"

namespace monodon::master {

bool SpareInterpreter::alive() const {
  pollfd death{child_ ? child_->pidfd.get() : -1, POLLIN, 0};
  return child_ && ::poll(&death, 1, 0) == 0;
}

void SpareInterpreter::keep(const Order& order) {
  if (tried_ && order_ == order) {
    if (child_ && !alive()) drop();
    return;
  }
  drop();
  tried_ = true;
  order_ = order;
  // Without one the next reload starts its own, and tells what hinders it.
  if (auto child = spawn_with_channel(order.argv, order.environment, order.fds, {},
                                      wire::kHeldUntilZygote))
    child_ = std::move(child).value();
}

std::optional<SpawnedChild> SpareInterpreter::take(const Order& order) {
  tried_ = false;
  // A stopped one would keep its orders, and who has saved something, waiting.
  if (!alive() || is_stopped(child_->pid) || order_ != order) drop();
  return std::exchange(child_, std::nullopt);
}

void SpareInterpreter::drop() {
  if (child_) abandon_child(child_->pid);
  child_.reset();
}

}  // namespace monodon::master
