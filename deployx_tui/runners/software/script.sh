# A script of sh installs it, and detection says whether it did. Only a script of its own takes it away again.

dx_script_have() { dx_fail "a script needs a detection"; }
dx_script_list() { (dx_have >/dev/null 2>&1; [ ! "$dx_v" ] || printf 'it %s\n' "$dx_v"); }

dx_script_ready() {
  dx_newest=$dx_want
  [ "$dx_script" ] || dx_obtain
}

dx_script_install() {
  if [ "$dx_script" ]; then dx_run sh -c "$dx_script"; else dx_run sh "$dx_file"; fi || :
  dx_good "the script"
}

dx_script_remove() {
  dx_removed=1
  [ "$dx_remove" ] || { dx_fail "the catalogue has no script that takes it away"; return 1; }
  dx_run sh -c "$dx_remove" || :
  dx_good "the script"
}

# of one that failed: what detection does not see goes by its uninstall, if nothing of it was there before
dx_script_clear() {
  [ ! "$dx_removed" ] || return 0
  if [ "$dx_before" ]; then
    dx_why="$dx_why; what its script did is not taken back: $dx_before was there before"
  elif [ ! "$dx_remove" ]; then
    dx_why="$dx_why; what its script did is not taken back: the catalogue has no uninstall of it"
  else
    dx_tell "runs its uninstall"
    dx_kept_why=$dx_why dx_why=
    dx_script_remove || dx_kept_why="$dx_kept_why; its uninstall failed too: $dx_why"
    dx_why=$dx_kept_why
  fi
}

# it BEFORE AFTER
dx_script_set() {
  dx_removed=1
  [ "$2" = - ] || { dx_fail "a script can't bring $2 back"; return 1; }
  dx_script_remove
}
