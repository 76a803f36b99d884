# shellcheck shell=bash
# build.sh: configure once, then let ninja find out what has to be done.

# shellcheck disable=SC2154 # top and build come from quickstart

# The daemons and the command line as the build leaves them.
daemon=$build/src/messaging/waggle-messaged
courier=$build/src/delivery/waggle-courier
client=$build/src/client/waggle
deployd=$build/src/deployment/waggle-deployd
verify=$build/src/checks/waggle-verify
monitord=$build/src/monitoring/waggle-monitord
prober=$build/src/checks/waggle-prober

# Deployment is built where its libraries are (-Ddeploy).
build_with_deploy() { grep -q '^build src/deployment/waggle-deployd:' "$build/build.ninja"; }

# And monitoring (-Dmonitor), where deployment is.
build_with_monitor() { grep -q '^build src/monitoring/waggle-monitord:' "$build/build.ninja"; }

build_configure() {
  [ -e "$build/build.ninja" ] && return
  say "building in $build; the first time takes a minute"
  meson setup "$build" "$top" >"$build.log" 2>&1 || { cat "$build.log" >&2; die "meson setup failed"; }
  rm -f "$build.log"
}

# build_targets TARGET...: nothing given is everything.
build_targets() {
  build_configure
  ninja --quiet -C "$build" "$@" | { grep -vx 'ninja: no work to do.' || true; } >&2
}

# Only the programs: what tests need on top is built when tests are run.
build_programs() {
  local programs=("$daemon" "$courier" "$client")
  build_configure
  if build_with_deploy; then programs+=("$deployd" "$verify"); fi
  if build_with_monitor; then programs+=("$monitord" "$prober"); fi
  build_targets "${programs[@]#"$build"/}"
}
build_all() { build_targets; }
