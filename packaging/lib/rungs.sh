# shellcheck shell=bash
# shellcheck disable=SC2154 # top, build and lib come from quickstart
# rungs.sh: the tests, from the cheap rung to the dear one, and the count of them all.
#
# One line a rung, then one that counts every single test. A rung that this machine cannot do
# is skipped with its reason; where that must not be ($CI is set) it is a failure.

rungs_all=(unit bus typing crash system vm)

# Prints why a rung cannot run here; nothing if it can.
rung_obstacle() {
  case $1 in
    bus | crash) command -v dbus-daemon >/dev/null || echo "there is no dbus-daemon" ;;
    typing)
      local tool
      for tool in Xvfb openbox xterm setxkbmap xprop dbus-daemon; do
        command -v "$tool" >/dev/null || { echo "there is no $tool"; return; }
      done
      pkg-config --exists gtk+-3.0 || echo "there is no GTK 3 to build a client with"
      ;;
    system | vm)
      if [ "$(id -u)" != 0 ]; then
        echo "making and booting a Debian needs root"
        return
      fi
      local tools=(systemd-nspawn mmdebstrap dpkg-buildpackage nsenter) tool
      if [ "$1" = vm ]; then
        if [ "$(uname -m)" != x86_64 ]; then
          echo "the machine that is emulated is an x86_64"
          return
        fi
        tools+=(qemu-system-x86_64 mke2fs)
      fi
      for tool in "${tools[@]}"; do
        command -v "$tool" >/dev/null || { echo "there is no $tool"; return; }
      done
      ;;
  esac
}

# Runs one rung; adds its counts to passed, failed and skipped.
rung_run() {
  local rung=$1 obstacle begin=$SECONDS times=3 p f s
  obstacle=$(rung_obstacle "$rung")
  if [ -n "$obstacle" ]; then
    printf '%s: skipped: %s\n' "$rung" "$obstacle"
    rungs_skipped+=("$rung")
    return
  fi
  # A booted system is too dear to be seen three times, and its tests are alone in any case.
  [[ $rung != system && $rung != vm ]] || times=1
  # The figures come from the log; what a test printed is shown when it failed. Limits of time are
  # those of a free machine: a busy one gets four times as long.
  read -r p f s < <("$lib/judge" "$build" "rung-$rung" "$times" --timeout-multiplier 4 --suite "$rung")
  printf '%s: %d passed, %d failed, %d skipped (%d s)\n' "$rung" "$p" "$f" "$s" $((SECONDS - begin))
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# rungs_run [RUNG...]: all of them when none is named. Returns 1 if a test failed.
rungs_run() {
  local rung
  [ $# -gt 0 ] || set -- "${rungs_all[@]}"
  for rung in "$@"; do
    [[ " ${rungs_all[*]} " == *" $rung "* ]] || die "unknown rung '$rung'; there are ${rungs_all[*]}"
  done
  passed=0 failed=0 skipped=0
  rungs_skipped=()
  build_all
  for rung in "$@"; do rung_run "$rung"; done
  if [ -n "${CI:-}" ] && [ ${#rungs_skipped[@]} -gt 0 ]; then
    say "skipped, and in CI that is a failure: ${rungs_skipped[*]}"
    failed=$((failed + ${#rungs_skipped[@]}))
  fi
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" = 0 ]
}
