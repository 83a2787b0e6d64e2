# By name with Homebrew, as the account that it belongs to: it refuses root. It has the newest version of each name only.

dx_brew_have() {
  dx_v=$(HOMEBREW_NO_AUTO_UPDATE=1 brew list --versions "$dx_name" 2>/dev/null | sed -n '1s/.* //p')
}

dx_brew_list() { HOMEBREW_NO_AUTO_UPDATE=1 brew list --versions | sed 's/^\([^ ]*\) .* \([^ ]*\)$/\1 \2/'; }

dx_brew_do() {
  dx_run env NONINTERACTIVE=1 HOMEBREW_NO_ENV_HINTS=1 HOMEBREW_NO_INSTALL_CLEANUP=1 brew "$@" || :
}

dx_brew_ready() {
  [ "$(id -u)" -ne 0 ] || { dx_fail "brew refuses to run as root; let the task run as the account that it belongs to"; return 1; }
  dx_newest=
}

dx_brew_install() {
  if [ "$dx_before" ]; then dx_brew_do upgrade "$dx_name"; else dx_brew_do install "$dx_name"; fi
  dx_good brew
}

dx_brew_remove() {
  dx_brew_do uninstall "$dx_name"
  dx_good brew
}

dx_brew_set() {
  dx_rm=
  while [ $# -ge 3 ]; do
    [ "$2" = - ] || { dx_fail "brew can't bring $1 $2 back"; return 1; }
    dx_rm="$dx_rm $1"
    shift 3
  done
  dx_brew_do uninstall $dx_rm
  dx_good brew
}
