// A test facility: while the switch is on, backends fill fresh memory with 0xFF bytes. Floating elements are
// then NaN and integers -1, so an operator that reads what nobody wrote shows it in its result.
#pragma once

namespace linnet {

/// For the whole process. Off until set.
void set_poison(bool on);
bool poison();

}  // namespace linnet
