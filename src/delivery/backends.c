/* backends.c: the back-ends that the program has; a new one is a line here and a file of its own.
 */
#include "delivery/courier.h"

const DlvBackendClass *const dlv_backend_classes[] = {
    &dlv_backend_activation,
    &dlv_backend_exec,
    &dlv_backend_inbox,
    &dlv_backend_signal,
    &dlv_backend_tmux,
    &dlv_backend_type,
    NULL,
};
