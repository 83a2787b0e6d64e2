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
  [ "$dx_remove" ] || { dx_fail "the catalogue has no script that takes it away"; return 1; }
  dx_run sh -c "$dx_remove" || :
  dx_good "the script"
}

# it BEFORE AFTER
dx_script_set() {
  [ "$2" = - ] || { dx_fail "a script can't bring $2 back"; return 1; }
  dx_script_remove
}
