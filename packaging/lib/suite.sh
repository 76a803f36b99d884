# shellcheck shell=bash
# suite.sh: the suite up for the time of one command, on a bus and a socket of its own.
#
# messaged's socket is activated for real, in one of two ways: transient units where a user manager
# runs, else systemd-socket-activate. The courier is there from the beginning, since nothing on this bus would
# start it when mail waits. Everything lies in one temporary directory. Whatever ends this
# shell (the command's end, Ctrl-C, SIGTERM) ends what was started; if the shell itself is
# killed, the kernel ends it (pdeathsig).

# shellcheck disable=SC2154 # daemon, courier, client, deployd and verify come from build.sh

suite_units=
suite_pids=()
suite_child=
suite_signal=

suite_have_user_manager() {
  [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/systemd/private" ] &&
    systemctl --user show-environment >/dev/null 2>&1
}

# suite_wait_for SOCKET: until it is there, at most 10 s.
suite_wait_for() {
  local i
  for ((i = 0; i < 500; i++)); do
    [ ! -S "$1" ] || return 0
    sleep 0.02
  done
  suite_fail "${1##*/}: no socket after 10 s"
}

suite_fail() {
  sed 's/^/  /' "$dir/log" >&2
  [ -z "$suite_units" ] ||
    journalctl --user --quiet --no-pager -n 20 -u "$suite_units-bus" -u "$suite_units-messaged" \
      -u "$suite_units-courier" -u "$suite_units-deployd" >&2 || true
  die "$1"
}

# One bus for all: what speaks to the system bus or to the session bus finds this one.
suite_write_bus_config() {
  cat >"$dir/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=$dir/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
}

# Each in a session of its own, so that Ctrl-C reaches the command and not the suite.
suite_start_processes() {
  local daemon_env=() name
  for name in "${suite_env[@]}"; do daemon_env+=(-E "$name"); done
  setsid setpriv --pdeathsig TERM dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile \
    >>"$dir/log" 2>&1 &
  suite_pids+=($!)
  # systemd-socket-activate becomes the daemon at the first connection and is not there to start
  # it again, so the daemon may not leave when idle.
  setsid setpriv --pdeathsig TERM systemd-socket-activate --listen="$socket" --fdname=private \
    "${daemon_env[@]}" -E WAGGLE_IDLE_EXIT=never "$daemon" --user --state-dir="$state" >>"$dir/log" 2>&1 &
  suite_pids+=($!)
}

suite_start_units() {
  local daemon_env=() name
  for name in "${suite_env[@]}"; do daemon_env+=("--setenv=$name"); done
  suite_units=waggle-quickstart-${dir##*.}
  systemd-run --user --quiet --collect --unit="$suite_units-bus" -- \
    dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile
  systemd-run --user --quiet --collect --unit="$suite_units-messaged" "${daemon_env[@]}" \
    --socket-property=ListenStream="$socket" --socket-property=FileDescriptorName=private \
    --property=Type=notify -- "$daemon" --user --state-dir="$state"
}

# The courier knows messaged by its address alone, and no other one.
suite_start_courier() {
  local courier_env=("${suite_env[@]}" "WAGGLE_ADDRESS=unix:path=$socket" WAGGLE_IDLE_EXIT=never) name
  local argv=("$courier" --user --state-dir="$dir/courier")
  if [ -n "$suite_units" ]; then
    local unit_env=()
    for name in "${courier_env[@]}"; do unit_env+=("--setenv=$name"); done
    systemd-run --user --quiet --collect --unit="$suite_units-courier" "${unit_env[@]}" --property=Type=notify -- "${argv[@]}"
  else
    setsid setpriv --pdeathsig TERM env "${courier_env[@]}" "${argv[@]}" >>"$dir/log" 2>&1 &
    suite_pids+=($!)
  fi
}

# The deployment service waits for the first who asks, and nobody needs to wait for it. No manager of
# units is on this bus, so it is given none: it deploys files, and what checks them is its own child.
suite_start_deployd() {
  local socket=$dir/waggle/deployment
  local daemon_env=("${suite_env[@]}" WAGGLE_IDLE_EXIT=never) env=() name
  local argv=("$deployd" --user --no-bus --state-dir="$dir/deployd")
  if [ -n "$suite_units" ]; then
    for name in "${daemon_env[@]}"; do env+=("--setenv=$name"); done
    systemd-run --user --quiet --collect --unit="$suite_units-deployd" "${env[@]}" \
      --socket-property=ListenStream="$socket" --socket-property=FileDescriptorName=private \
      --property=Type=notify -- "${argv[@]}"
  else
    for name in "${daemon_env[@]}"; do env+=(-E "$name"); done
    setsid setpriv --pdeathsig TERM systemd-socket-activate --listen="$socket" --fdname=private \
      "${env[@]}" "${argv[@]}" >>"$dir/log" 2>&1 &
    suite_pids+=($!)
  fi
}

# Monitoring watches from the start. It has no units to look at here: there is no manager on this bus.
# What it probes stands in services.d, what it alerts in rules.d of the configuration that was given.
suite_start_monitord() {
  local socket=$dir/waggle/monitoring
  local daemon_env=("${suite_env[@]}" "WAGGLE_ADDRESS=unix:path=$dir/waggle/messaging" WAGGLE_IDLE_EXIT=never) env=() name
  local argv=("$monitord" --user --no-bus --state-dir="$dir/monitord")
  if [ -n "$suite_units" ]; then
    for name in "${daemon_env[@]}"; do env+=("--setenv=$name"); done
    systemd-run --user --quiet --collect --unit="$suite_units-monitord" "${env[@]}" \
      --socket-property=ListenStream="$socket" --socket-property=FileDescriptorName=private \
      --property=Type=notify -- "${argv[@]}"
  else
    for name in "${daemon_env[@]}"; do env+=(-E "$name"); done
    setsid setpriv --pdeathsig TERM systemd-socket-activate --listen="$socket" --fdname=private \
      "${env[@]}" "${argv[@]}" >>"$dir/log" 2>&1 &
    suite_pids+=($!)
  fi
}

# suite_end_process PID: asks it to stop, and insists after 10 s.
suite_end_process() {
  local i
  kill -TERM "$1" 2>/dev/null || true
  for ((i = 0; i < 500; i++)); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.02
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

suite_stop() {
  trap '' INT TERM HUP
  trap - EXIT
  local i
  [ -z "$suite_child" ] || suite_end_process "$suite_child"
  [ -z "$suite_units" ] ||
    systemctl --user --quiet stop "$suite_units-courier.service" "$suite_units-messaged.socket" \
      "$suite_units-deployd.socket" "$suite_units-deployd.service" "$suite_units-monitord.socket" "$suite_units-monitord.service" "$suite_units-messaged.service" "$suite_units-bus.service" 2>/dev/null || true
  # the daemons before the bus: they say good-bye there
  for ((i = ${#suite_pids[@]} - 1; i >= 0; i--)); do suite_end_process "${suite_pids[i]}"; done
  rm -rf "$dir"
}

# suite_command COMMAND...: runs it in front, hands signals on, sets `status`.
suite_command() {
  # In the background, because a shell that waits for a process in front handles no signal; with
  # its own input, and with the signals that a background process ignores back in force.
  env --default-signal=INT,QUIT "${suite_env[@]}" WAGGLE_ADDRESS="unix:path=$socket" \
    WAGGLE_DEPLOYMENT_ADDRESS="unix:path=$dir/waggle/deployment" \
    WAGGLE_MONITORING_ADDRESS="unix:path=$dir/waggle/monitoring" "$@" <&0 &
  suite_child=$!
  local signal
  # shellcheck disable=SC2064
  for signal in INT TERM HUP; do trap "suite_signal=$signal; kill -$signal $suite_child 2>/dev/null || true" $signal; done
  status=0
  wait "$suite_child" || status=$?
  while kill -0 "$suite_child" 2>/dev/null; do # it was a signal to this shell that ended `wait`
    status=0
    wait "$suite_child" || status=$?
  done
  suite_child=
}

# A command that speaks of the courier finds it there.
suite_wait_for_courier() {
  local i
  for ((i = 0; i < 500; i++)); do
    suite_command "$client" courier list >"$dir/knock" 2>&1
    [ -z "$suite_signal" ] || exit "$status" # it was not the knock that was meant
    [ "$status" != 0 ] || return 0
    sleep 0.02
  done
  cat "$dir/knock" >&2
  suite_fail "the courier does not answer"
}

# suite_run STATE COMMAND...: exits with COMMAND's status. STATE '' is an empty one that goes
# away again.
suite_run() {
  state=$1
  shift
  dir=$(mktemp -d "${TMPDIR:-/tmp}/waggle-quickstart.XXXXXX")
  trap suite_stop EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  : >"$dir/log"
  mkdir "$dir/waggle" "$dir/config" "$dir/config/rules.d"
  cp "$top/packaging/rules/waggle.yaml" "$dir/config/rules.d"
  if [ -n "$state" ]; then
    mkdir -p "$state"
    state=$(cd "$state" && pwd)
  else
    state=$dir/state
    mkdir -m 0700 "$state"
  fi
  socket=$dir/waggle/messaging
  suite_write_bus_config
  PATH=${client%/*}:$PATH
  unset WAGGLE_SCOPE
  suite_env=(
    "DBUS_SESSION_BUS_ADDRESS=unix:path=$dir/bus"
    "DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus"
    # the configuration of an installed Waggle is not this one's
    "WAGGLE_CONFIG_PATH=${WAGGLE_CONFIG_PATH:-$dir/config}"
    "WAGGLE_VERIFY=$verify"
    "WAGGLE_PROBER=$prober"
  )

  if suite_have_user_manager; then suite_start_units; else suite_start_processes; fi
  suite_wait_for "$dir/bus"
  suite_wait_for "$socket"
  # Nothing activates the daemon by its bus name here, so the first knock is ours: a command that
  # speaks to the bus finds it there, and a daemon that cannot start is seen now.
  suite_command "$client" status >"$dir/knock" 2>&1
  [ -z "$suite_signal" ] || exit "$status" # it was not the knock that was meant
  if [ "$status" != 0 ]; then
    cat "$dir/knock" >&2
    suite_fail "the suite does not answer"
  fi
  if build_with_deploy; then suite_start_deployd; fi
  if build_with_monitor; then suite_start_monitord; fi
  suite_start_courier
  suite_wait_for_courier
  if build_with_deploy; then suite_wait_for "$dir/waggle/deployment"; fi
  if build_with_monitor; then suite_wait_for "$dir/waggle/monitoring"; fi
  suite_command "$@"
  exit "$status"
}
