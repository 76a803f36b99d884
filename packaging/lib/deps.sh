# shellcheck shell=bash
# deps.sh: the packages that building and testing need, and how they get installed.
#
# The lists stand here and nowhere else (debian/control has to repeat the first one). When all is
# there, nothing but the package database is asked: a second run costs milliseconds.

say() { printf '%s\n' "quickstart: $*" >&2; }
die() { say "$*"; exit 2; }

deps_apt() {
  echo gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev libsystemd-dev libjson-glib-dev \
    libsqlite3-dev libxxhash-dev libncurses-dev libxdo-dev libx11-dev libxi-dev libxtst-dev libxss-dev \
    libxres-dev libarchive-dev liblzma-dev libyaml-dev libssl-dev libcrypt-dev libsoup-3.0-dev libpq-dev libmariadb-dev libhiredis-dev \
    libnghttp2-dev glib-networking dbus-daemon systemd util-linux python3
  [ "$1" = build ] && return
  echo python3-gi python3-dbus python3-dbusmock sqlite3 mmdebstrap systemd-container \
    build-essential debhelper dpkg-dev fakeroot lintian git polkitd mandoc \
    tmux xvfb openbox xterm libgtk-3-dev at-spi2-core x11-utils x11-xkb-utils \
    qemu-system-x86 e2fsprogs btrfs-progs xfsprogs \
    nginx-light postgresql mariadb-server redis-server prometheus-alertmanager monitoring-plugins-basic minisign openssl zstd \
    python3-yaml python3-jsonschema python3-grpcio prometheus
  [ "$1" = test ] && return
  echo clang clang-format cppcheck shellcheck codespell libxml2-utils
}

deps_dnf() {
  echo gcc meson ninja-build pkgconf-pkg-config glib2-devel systemd-devel json-glib-devel \
    sqlite-devel xxhash-devel ncurses-devel libxdo-devel libX11-devel libXi-devel libXtst-devel libXScrnSaver-devel \
    libXres-devel libarchive-devel xz-devel libyaml-devel openssl-devel libxcrypt-devel libsoup3-devel libpq-devel mariadb-connector-c-devel \
    hiredis-devel libnghttp2-devel glib-networking dbus-daemon systemd util-linux python3
  [ "$1" = build ] || echo python3-gobject-base python3-dbus python3-dbusmock sqlite systemd-container \
    btrfs-progs xfsprogs tmux xorg-x11-server-Xvfb openbox xterm gtk3-devel at-spi2-core xprop setxkbmap xkbcomp python3-pyyaml python3-grpcio
}

deps_pacman() {
  echo gcc meson ninja pkgconf glib2 systemd json-glib sqlite xxhash ncurses xdotool libx11 libxi libxtst libxss \
    libxres libarchive xz libyaml openssl libxcrypt libsoup3 postgresql-libs mariadb-libs hiredis libnghttp2 glib-networking dbus util-linux python
  [ "$1" = build ] || echo python-gobject python-dbus python-dbusmock btrfs-progs xfsprogs tmux xorg-server-xvfb openbox xterm gtk3 \
    at-spi2-core xorg-xprop xorg-setxkbmap xorg-xkbcomp python-yaml python-grpcio
}

# Prints those of the packages given that are not installed.
deps_missing_apt() {
  local have
  have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p') ||
    true # it fails when one of them is unknown, which is an answer
  printf '%s\n' "$@" | grep -vxF -e "${have:-none}" || true
}
deps_missing_dnf() {
  local p
  for p in "$@"; do rpm -q --whatprovides "$p" >/dev/null 2>&1 || echo "$p"; done
}
deps_missing_pacman() { pacman -T "$@" || true; }

deps_do_apt() {
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}
deps_do_dnf() { "${as_root[@]}" dnf install -y "$@"; }
deps_do_pacman() { "${as_root[@]}" pacman -S --needed --noconfirm "$@"; }

# Installs what `build`, `test` or `ci` needs and the machine lacks. Output goes to stderr: the
# output of quickstart is the output of what it runs.
deps_install() {
  local purpose=$1 manager='' m missing
  case $purpose in build | test | ci) ;; *) die "unknown purpose '$purpose'" ;; esac
  for m in apt dnf pacman; do
    command -v "$m" >/dev/null && manager=$m && break
  done
  if [ -z "$manager" ]; then
    say "no apt, dnf or pacman here; the packages for '$purpose' have to be there already"
    return 0
  fi
  local wanted
  read -r -d '' -a wanted < <("deps_$manager" "$purpose") || true
  mapfile -t missing < <("deps_missing_$manager" "${wanted[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "as root, install: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing with $manager: ${missing[*]}"
  "deps_do_$manager" "${missing[@]}" >&2
}
