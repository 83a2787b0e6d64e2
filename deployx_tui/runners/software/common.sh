# What every software task brings to its target: words, programs, locks. POSIX sh only: dash, bash and busybox.
# compile.py puts this first, then asking.sh and steps.sh, the functions of the installers that are needed, one function
# of assignments a package, and the calls. Every value in those is a quoted word. People read the lines; those that begin
# with "dxs MARK " are for parse.py. They come together at the end, and until then lie in a variable: no file and no
# environment shows the mark to what an installer runs.

# ---- saying

# a line for people
dx_tell() {
  printf '%s: %s\n' "$dx_id" "$*"
}

# a line for deployx, kept for the end
dx_note() {
  dx_notes="${dx_notes}dxs $dx_mark $*
"
}

# by the shell itself: an argument of another program could be seen
dx_say_notes() {
  printf '%s' "$dx_notes"
  dx_notes=
}

# $1 on one line, without anything that a terminal heeds, not too long
dx_flat() {
  printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037\177' | cut -c1-600
}

dx_fail() {
  [ "$dx_why" ] || dx_why=$*
  return 1
}

# ---- beginning and end

dx_begin() {
  LC_ALL=C
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/opt/homebrew/bin
  export LC_ALL PATH
  umask 022
  dx_tmp=${TMPDIR:-/tmp}/deployx-$dx_nonce
  (umask 077; mkdir "$dx_tmp") || { echo "deployx: $dx_tmp can't be made: is the disk full, or read-only?"; exit 1; }
  dx_notes=
  echo x >"$dx_tmp/room" || { echo "deployx: nothing can be written to $dx_tmp: is the disk full?"; rm -rf "$dx_tmp"; exit 1; }
  trap dx_leave EXIT
  trap 'dx_stop_child; exit 143' HUP INT TERM
  dx_setsid=
  ! command -v setsid >/dev/null 2>&1 || dx_setsid=setsid
  dx_bad= dx_changed= dx_reboot=no dx_audited= dx_fresh= dx_child= dx_undone=
}

# also of a script that was told to end: what it had done until then
dx_leave() {
  dx_say_notes
  [ ! "$dx_files" ] || eval "rm -rf $dx_files"
  rm -rf "$dx_tmp"
}

dx_stop_child() {
  [ ! "$dx_child" ] || dx_kill_tree "$dx_child" TERM
}

# the notes, and that there are no more
dx_end() {
  [ "$dx_reboot" != no ] || ! dx_wants_reboot || dx_reboot=yes
  [ "$dx_reboot" = no ] || dx_note "reboot"
  dx_note end
  dx_say_notes
  [ ! "$dx_bad" ] || exit 1
  exit 0
}

# the mark that Debian's packages leave, or what dnf's plugin says; only when this run changed something
dx_wants_reboot() {
  [ "$dx_changed" ] || return 1
  [ ! -e /var/run/reboot-required ] || return 0
  if command -v needs-restarting >/dev/null 2>&1; then
    needs-restarting -r >/dev/null 2>&1 </dev/null
    [ $? -eq 1 ] && return 0
  fi
  return 1
}

# ---- running a program

dx_kill_tree() {
  if [ "$dx_setsid" ]; then
    kill "-$2" "-$1" 2>/dev/null
  else
    kill "-$2" "$1" 2>/dev/null
  fi
}

# Runs "$@" with its standard input closed, in a session of its own, until the package's time is over. dx_code: its exit
# code. dx_cut: "" when it ended by itself, else "limit" or "input".
dx_run() {
  rm -f "$dx_tmp/cut"
  $dx_setsid "$@" </dev/null &
  dx_child=$!
  dx_guard "$dx_child" >/dev/null 2>&1 </dev/null &
  dx_watch=$!
  wait "$dx_child"
  dx_code=$?
  kill "$dx_watch" 2>/dev/null
  wait "$dx_watch" 2>/dev/null
  dx_cut= dx_asks=
  if [ -s "$dx_tmp/cut" ]; then
    IFS= read -r dx_asks <"$dx_tmp/cut" || :
    dx_cut=${dx_asks%% *} dx_asks=${dx_asks#* }
    dx_kill_tree "$dx_child" KILL
    case $dx_cut in
      input) dx_fail "it waits for input, which nobody can give: $dx_asks" ;;
      *) dx_fail "its time of $dx_limit s was over; it was ended" ;;
    esac
    dx_child=
    return 1
  fi
  dx_child=
  return "$dx_code"
}

# Watches process $1: says in the file "cut" why it ended it.
dx_guard() {
  dx_left=$dx_limit dx_asleep=0
  while kill -0 "$1" 2>/dev/null; do
    sleep 1
    dx_left=$((dx_left - 1))
    if [ "$dx_left" -le 0 ]; then
      echo "limit -" >"$dx_tmp/cut"
      break
    fi
    if [ $((dx_left % dx_look)) -eq 0 ]; then
      if dx_asking; then dx_asleep=$((dx_asleep + dx_look)); else dx_asleep=0; fi
      if [ "$dx_asleep" -ge "$dx_patience" ]; then
        dx_flat "input $dx_who" >"$dx_tmp/cut"
        break
      fi
    fi
  done
  [ -s "$dx_tmp/cut" ] || return 0
  dx_kill_tree "$1" TERM
  sleep 5
  dx_kill_tree "$1" KILL
}

# Whether a process of this run sleeps in read(2) on a terminal (Linux; other systems do not tell). dx_who: which one.
# The mark in the environment finds also those that made a session of their own.
dx_asking() {
  for dx_e in $(grep -sl "DEPLOYX_RUN=$dx_nonce" /proc/[0-9]*/environ); do
    dx_p=${dx_e#/proc/} dx_p=${dx_p%/environ}
    read -r dx_nr dx_fd dx_rest <"/proc/$dx_p/syscall" || continue
    case $dx_nr in 0 | 3 | 63) ;; *) continue ;; esac
    dx_t=$(readlink "/proc/$dx_p/fd/$((dx_fd))") || continue
    case $dx_t in
      /dev/pts/* | /dev/tty* | /dev/console)
        dx_who="$(tr '\0' ' ' <"/proc/$dx_p/cmdline") (pid $dx_p) reads from $dx_t"
        return 0
        ;;
    esac
  done 2>/dev/null
  return 1
}

# ---- locks

# dx_who: which process holds a lock on one of these files; fails when none does
dx_holder() {
  dx_who=
  if [ -r /proc/locks ]; then
    for dx_p in $(sed -n 's/^[0-9]*: *[A-Z]* *[A-Z]* *WRITE *\([0-9][0-9]*\) .*/\1/p' /proc/locks); do
      [ "$dx_p" != "$$" ] && [ -d "/proc/$dx_p/fd" ] || continue
      dx_o=$(ls -l "/proc/$dx_p/fd" 2>/dev/null)
      for dx_f in "$@"; do
        case "$dx_o
" in *" -> $dx_f
"*)
          dx_who="$(tr '\0' ' ' <"/proc/$dx_p/cmdline" 2>/dev/null)(pid $dx_p)"
          return 0
          ;;
        esac
      done
    done
    return 1
  fi
  command -v fuser >/dev/null 2>&1 || return 1
  for dx_f in "$@"; do
    [ -e "$dx_f" ] || continue
    dx_p=$(fuser "$dx_f" 2>/dev/null | tr -dc '0-9 ')
    [ ! "$dx_p" ] || { dx_who="pid$dx_p"; return 0; }
  done
  return 1
}

# waits until nobody holds a lock on these files, at most dx_lock_wait seconds
dx_await() {
  dx_l=$dx_lock_wait dx_said=
  while dx_holder "$@"; do
    if [ "$dx_l" -le 0 ]; then
      dx_fail "the package database is locked by $(dx_flat "$dx_who"); waited $dx_lock_wait s"
      return 1
    fi
    [ "$dx_said" ] || dx_tell "waits for $(dx_flat "$dx_who"), which holds the package database"
    dx_said=1 dx_l=$((dx_l - 1))
    sleep 1
  done
}
