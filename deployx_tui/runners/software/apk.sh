# By name with apk, on Alpine. apk asks nothing by itself and waits for its own lock.

dx_apk_have() {
  dx_v=$(apk list -I "$dx_name" 2>/dev/null | sed -n "s/^$(dx_apk_plain "$dx_name")-\([0-9][^ ]*\) .*/\1/p" | head -n 1)
}

# as a pattern of sed
dx_apk_plain() { printf '%s' "$1" | sed 's/[.+]/[&]/g'; }

dx_apk_list() {
  apk list -I 2>/dev/null | sed -n 's/^\([^ ]*\)-\([0-9][^ -]*-r[0-9]*\) .*/\1 \2/p'
}

dx_apk_ready() {
  dx_root || return 1
  if [ ! "$dx_fresh" ]; then
    dx_fresh=1
    dx_run apk update -q || { dx_why=; dx_tell "the lists of packages could not be refreshed; the old ones are used"; }
  fi
  dx_newest=
  case $dx_want in '') dx_take=$dx_name ;; latest) dx_take=$dx_name ;; *-r[0-9]*) dx_take=$dx_name=$dx_want ;; *) dx_take="$dx_name~$dx_want" ;; esac
}

dx_apk_install() {
  if [ "$dx_want" = latest ]; then
    dx_run apk add -q --wait "$dx_lock_wait" -u "$dx_take" || :
  else
    dx_run apk add -q --wait "$dx_lock_wait" "$dx_take" || :
  fi
  dx_good apk
}

dx_apk_remove() {
  dx_run apk del -q --wait "$dx_lock_wait" "$dx_name" || :
  dx_good apk
}

dx_apk_set() {
  dx_rm= dx_in=
  while [ $# -ge 3 ]; do
    case $2 in -) dx_rm="$dx_rm $1" ;; *) dx_in="$dx_in $1=$2" ;; esac
    shift 3
  done
  [ ! "$dx_in" ] || dx_run apk add -q --wait "$dx_lock_wait" $dx_in || { dx_fail "apk can't bring back$dx_in"; return 1; }
  [ ! "$dx_rm" ] || dx_run apk del -q --wait "$dx_lock_wait" $dx_rm || { dx_fail "apk can't remove$dx_rm"; return 1; }
}
