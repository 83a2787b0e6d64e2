# One package, from detection to its result, and the ways back.

# what the database has, before a change, for taking it back and for saying what else changed
dx_photograph() {
  "dx_${dx_kind}_list" 2>/dev/null | sort >"$dx_tmp/$1"
}

# what differs between two photographs: "NAME BEFORE AFTER", - for nothing
dx_differences() {
  awk -v first="$dx_tmp/$1" '
    FILENAME == first { before[$1] = $2; next }
    { after[$1] = $2 }
    END {
      for (name in after)
        if (!(name in before)) print name, "-", after[name]
        else if (before[name] != after[name]) print name, before[name], after[name]
      for (name in before) if (!(name in after)) print name, before[name], "-"
    }' "$dx_tmp/$1" "$dx_tmp/$2" | sort
}

# brings everything back that changed since photograph $1; fails when something stays changed
dx_take_back() {
  dx_photograph now
  dx_differences "$1" now >"$dx_tmp/back"
  [ -s "$dx_tmp/back" ] || return 0
  dx_tell "takes back what was changed"
  set --
  while read -r dx_n dx_was dx_is; do set -- "$@" "$dx_n" "$dx_was" "$dx_is"; done <"$dx_tmp/back"
  dx_kept_why=$dx_why dx_why=
  "dx_${dx_kind}_set" "$@"
  dx_back_why=$dx_why dx_why=$dx_kept_why
  dx_photograph now
  [ ! "$(dx_differences "$dx_photo" now)" ]
}

dx_package() {
  dx_why= dx_state= dx_code=0 dx_before= dx_v= dx_cut= dx_photo= dx_removed=
  for dx_w in $dx_needs; do
    case " $dx_bad " in *" $dx_w "*) dx_why="what it needs failed" dx_state=skipped ;; esac
  done
  if [ "$dx_atomic" ] && [ "$dx_bad" ]; then dx_why="another package of the task failed" dx_state=skipped; fi
  if [ "$dx_state" ]; then
    dx_result
    return
  fi
  if [ "$dx_kind" = any ] && ! dx_manager; then
    dx_state=failed
  elif ! dx_have; then
    dx_state=failed
  else
    dx_before=$dx_v
    "dx_do_$dx_verb"
  fi
  dx_result
}

# what became of the package; dx_v is what is there now
dx_result() {
  case $dx_state in failed | skipped) dx_bad="$dx_bad $dx_i" ;; esac
  case $dx_state in
    unchanged) dx_tell "unchanged${dx_v:+, $dx_v is there}" ;;
    skipped) dx_tell "skipped: $dx_why" ;;
    failed) dx_tell "failed: $dx_why" ;;
    removed) dx_tell "removed $dx_before" ;;
    *) dx_tell "installed $dx_v${dx_before:+ instead of $dx_before}" ;;
  esac
  dx_note "r $dx_i $dx_state $dx_kind ${dx_before:--} ${dx_v:--} $dx_code $(dx_flat "$dx_why")"
  # with all or nothing the first failure takes back what the packages before it changed
  if [ "$dx_state" = failed ] && [ "$dx_atomic" ] && [ "$dx_changed" ]; then dx_undo_all; fi
}

dx_do_install() {
  case $dx_want in
    '') [ ! "$dx_v" ] || { dx_state=unchanged; return; } ;;
    latest) ;;
    *) if [ "$dx_v" ] && dx_fits "$dx_v" "$dx_want"; then dx_state=unchanged; return; fi ;;
  esac
  dx_state=failed
  dx_required || return
  "dx_${dx_kind}_ready" || return
  if [ "$dx_want" = latest ] && [ "$dx_v" ] && [ "$dx_v" = "$dx_newest" ]; then
    dx_state=unchanged
    return
  fi
  if [ "$dx_pre" ]; then
    dx_run sh -c "$dx_pre" || { dx_fail "its pre-step failed: exit $dx_code"; return; }
  fi
  dx_photo=photo$dx_i
  dx_photograph "$dx_photo"
  dx_tell "installs by ${dx_how:-$dx_kind}"
  if "dx_${dx_kind}_install"; then dx_confirm; fi
  if [ "$dx_why" ]; then
    dx_first_code=$dx_code
    dx_take_back "$dx_photo" || dx_why="$dx_why; what it changed could not all be taken back: ${dx_back_why:-see the output}"
    [ "$dx_kind" != script ] || dx_script_clear
    dx_code=$dx_first_code
  fi
  dx_settle
  [ "$dx_why" ] || dx_state=installed
}

# detection decides, whatever the exit code said
dx_confirm() {
  if ! dx_have; then return; fi
  if [ ! "$dx_v" ]; then
    dx_fail "its installer ended with exit $dx_code, but detection does not find it"
  elif [ "$dx_want" ] && [ "$dx_want" != latest ] && ! dx_fits "$dx_v" "$dx_want"; then
    dx_fail "its installer ended with exit $dx_code, but $dx_v is there instead of $dx_want"
  elif [ "$dx_post" ]; then
    dx_run sh -c "$dx_post" || dx_fail "its post-step failed: exit $dx_code"
  fi
}

# whether an exit code is success; notes what it says of a restart
dx_good() {
  case " $dx_boots " in *" $dx_code "*) dx_reboot=yes; return 0 ;; esac
  case " $dx_oks " in *" $dx_code "*) return 0 ;; esac
  dx_fail "$1 ended with exit $dx_code"
  return 1
}

# after a change: what is there now, and what differs, by the database
dx_settle() {
  dx_settled_why=$dx_why
  dx_have || :
  dx_why=$dx_settled_why
  dx_photograph now
  dx_differences "$dx_photo" now >"$dx_tmp/differ$dx_i"
  while read -r dx_n dx_was dx_is; do
    dx_changed=1
    dx_note "c $dx_i $dx_kind $dx_n $dx_was $dx_is"
  done <"$dx_tmp/differ$dx_i"
}

dx_do_uninstall() {
  [ "$dx_v" ] || { dx_state=unchanged; return; }
  dx_state=failed dx_photo=photo$dx_i
  dx_photograph "$dx_photo"
  dx_tell "removes $dx_v by ${dx_how:-$dx_kind}"
  if "dx_${dx_kind}_remove" && dx_have && [ "$dx_v" ]; then
    dx_fail "its removal ended with exit $dx_code, but $dx_v is still there"
  fi
  [ ! "$dx_why" ] || dx_take_back "$dx_photo" || :
  dx_settle
  [ "$dx_why" ] || dx_state=removed
}

# rollback: everything in the words dx_back ("NAME BEFORE AFTER" again and again) goes from AFTER to BEFORE
dx_do_restore() {
  dx_state=failed dx_photo=photo$dx_i
  dx_photograph "$dx_photo"
  set -- $dx_back
  dx_todo=
  while [ $# -ge 3 ]; do
    dx_w=$(awk -v n="$1" '$1 == n { print $2 }' "$dx_tmp/$dx_photo")
    dx_w=${dx_w:--}
    if [ "$dx_w" = "$2" ]; then
      :
    elif [ "$dx_w" != "$3" ] && [ ! "$dx_force" ]; then
      dx_fail "somebody changed $1 since: it is $dx_w, and not $3 any more"
      return
    else
      dx_todo="$dx_todo $1 $2 $dx_w"
    fi
    shift 3
  done
  [ "$dx_todo" ] || { dx_state=unchanged; return; }
  dx_tell "goes back by $dx_kind"
  if "dx_${dx_kind}_set" $dx_todo; then
    dx_photograph now
    set -- $dx_todo
    while [ $# -ge 3 ]; do
      dx_w=$(awk -v n="$1" '$1 == n { print $2 }' "$dx_tmp/now")
      [ "${dx_w:--}" = "$2" ] || dx_fail "$1 did not go back to $2: ${dx_w:-it} is there"
      shift 3
    done
  else
    dx_fail "it did not go back"
  fi
  [ ! "$dx_why" ] || dx_take_back "$dx_photo" || :
  dx_settle
  [ "$dx_why" ] || { dx_state=installed; [ "$dx_v" ] || dx_state=removed; }
}

# all or nothing: what the packages before this one changed goes back, the last first
dx_undo_all() {
  [ ! "$dx_undone" ] || return
  dx_undone=1
  dx_failed_i=$dx_i
  dx_j=$dx_i
  while [ "$dx_j" -gt 0 ]; do
    dx_j=$((dx_j - 1))
    [ -s "$dx_tmp/differ$dx_j" ] || continue
    "dx_block$dx_j"
    [ "$dx_kind" != any ] || dx_manager
    dx_why= dx_back_why= dx_photo=photo$dx_j dx_was_bad=$dx_bad
    if dx_take_back "$dx_photo"; then
      dx_have || :
      dx_tell "taken back"
      dx_note "u $dx_i undone $dx_kind ${dx_v:--}"
      while read -r dx_n dx_was dx_is; do dx_note "c $dx_i $dx_kind $dx_n $dx_was $dx_was"; done <"$dx_tmp/differ$dx_j"
    else
      dx_have || :
      dx_tell "could not be taken back: ${dx_back_why:-see above}"
      dx_note "u $dx_i kept $dx_kind ${dx_v:--} $(dx_flat "${dx_back_why:-see the output}")"
    fi
  done
  "dx_block$dx_failed_i"
}

# of a package that is in no catalogue: the package manager that this target has
dx_manager() {
  for dx_w in apt dnf yum zypper apk pacman brew; do
    case $dx_w in apt) dx_x=apt-get ;; *) dx_x=$dx_w ;; esac
    if command -v "$dx_x" >/dev/null 2>&1; then
      dx_kind=$dx_w
      return 0
    fi
  done
  dx_fail "no package manager that deployx knows is here (apt, dnf, yum, zypper, apk, pacman, brew)"
  return 1
}
