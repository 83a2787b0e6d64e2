# The functions that are sent over standard input to `exec sh` on a target. wrapper.py sends those that a verb needs,
# without comments and indentation. POSIX sh only: tried with dash, bash and busybox. Every name of ours begins with
# dx_, so that no parameter (upper case) meets it. No here-documents: bash puts large ones into a temporary file.
# Nothing runs before the last line of the text, a call whose last argument is the nonce: a text cut by a lost
# connection is an unfinished definition or fails the comparison.

# dx_b: the boot id, - where there is none
dx_boot() {
  dx_b=-
  { read -r dx_b </proc/sys/kernel/random/boot_id; } 2>/dev/null || dx_b=-
}

# dx_l: all lines of a stat file joined (a process may have newlines in its name)
dx_read() {
  dx_l=
  { while IFS= read -r dx_k; do dx_l="$dx_l $dx_k"; done <"$1"; } 2>/dev/null
  [ "$dx_l" ]
}

# what follows the name in dx_l: a name may hold ") " too, nothing after it does. "##*) " would compare the whole rest
# for each of its characters
dx_past() {
  while :; do
    case $dx_l in
      *') '*) dx_l=${dx_l#*') '} ;;
      *) return 0 ;;
    esac
  done
}

# of process $1: dx_st its start time, dx_si its session; fails when it is gone or a zombie
dx_stat() {
  dx_st=- dx_si=$1
  dx_read "/proc/$1/stat" || return 1
  dx_past
  set -- $dx_l
  [ "$1" != Z ] || return 1
  dx_si=$4
  shift 19
  dx_st=$1
}

# dx_r: "pid ppid pgid sid " of every process that lives. Two programs read all of /proc at once: a shell reads a file
# byte by byte, ten times as long. The pid is that of the path, which no process can choose: its name may hold anything,
# also a newline and what looks like another's line. Within the run's own session (dx_sh: the watch, the guard) the shell
# reads, for these two would be found there; and where this very shell is not among what they found
dx_rows() {
  dx_r=
  if [ -r /proc/self/stat ]; then
    if [ ! "$dx_sh" ]; then
      set -- $(LC_ALL=C grep -s ') ' /proc/[0-9]*/stat /dev/null |
        LC_ALL=C sed -n 's|^/proc/\([0-9]*\)/stat:.*) [^ZX] \([0-9]*\) \([0-9]*\) \([0-9]*\) .*|\1 \2 \3 \4|p')
      dx_r="$* "
      case " $dx_r" in *" $$ "*) return ;; esac
      dx_r=
    fi
    for dx_f in /proc/[0-9]*/stat; do
      dx_read "$dx_f" || continue
      dx_p=${dx_f#/proc/}
      dx_past
      set -- $dx_l
      case $1 in Z | X) ;; *) dx_r="$dx_r${dx_p%/stat} $2 $3 $4 " ;; esac
    done
  else
    set -- $(ps -A -o stat= -o pid= -o ppid= -o pgid=)
    while [ $# -gt 3 ]; do
      case $1 in Z*) ;; *) dx_r="$dx_r$2 $3 $4 $4 " ;; esac
      shift 4
    done
  fi
}

# dx_m: who belongs to the run: the leader dx_g (if it still started at dx_gs), its session or group dx_gi, everything
# that carries the mark, and all below these; those in dx_me
# (" pid pid ": the watch) left out. dx_va: all of these but the sudo by which the
# run came here, which ends with the leader; dx_j: and but the leader, for with it sudo would stop, and su. dx_fo: some
# are another account's, which may have left session and tree unseen; dx_fx: such live now; dx_ow: of dx_va some can be
# signalled
dx_scan() {
  dx_m=' '
  dx_x=$dx_gi
  dx_rows
  # of a durable run: who follows and guards it (durable.sh)
  if [ "$dx_fp$dx_wp" ]; then dx_spare; fi
  # /proc is mounted with hidepid: who cannot see is not told that nobody is there
  [ ! -r /proc/self/stat ] || [ -r /proc/1/stat ] || dx_fo=1
  if dx_stat "$dx_g"; then
    if [ "$dx_st" = "$dx_gs" ]; then
      dx_m=" $dx_g "
      [ "$dx_an" ] || dx_above "$dx_g"
    else dx_x=-1; fi
  fi
  for dx_f in $(grep -ls "DEPLOYX_RUN=$dx_n" /proc/[0-9]*/environ 2>/dev/null); do
    dx_p=${dx_f#/proc/}
    dx_m="$dx_m${dx_p%/environ} "
  done
  dx_k=1
  while [ $dx_k = 1 ]; do
    dx_k=0
    set -- $dx_r
    while [ $# -gt 3 ]; do
      case $dx_m in
        *" $1 "*) ;;
        *)
          if [ "$3" = "$dx_x" ] || [ "$4" = "$dx_x" ]; then
            dx_m="$dx_m$1 "
            dx_k=1
          else
            case $dx_m in *" $2 "*) dx_m="$dx_m$1 " dx_k=1 ;; esac
          fi
          ;;
      esac
      shift 4
    done
  done
  dx_q=' ' dx_va=' ' dx_j=' ' dx_ow= dx_fx=
  for dx_p in $dx_m; do
    case $dx_me in *" $dx_p "*) continue ;; esac
    case " $dx_r" in *" $dx_p "*) ;; *) continue ;; esac
    dx_q="$dx_q$dx_p "
    case $dx_an in *" $dx_p "*) continue ;; esac
    dx_va="$dx_va$dx_p "
    case $dx_an$dx_p in ' '?*" $dx_g") ;; *) dx_j="$dx_j$dx_p " ;; esac
    if kill -0 "$dx_p" 2>/dev/null; then
      # sudo takes our signals too, and can't end before its child does
      if [ ! -r /proc/self/stat ] || [ -O "/proc/$dx_p" ]; then dx_ow=1; fi
    elif [ -r /proc/self/stat ]; then
      dx_stat "$dx_p" && dx_fo=1 dx_fx=1
    else
      ps -p "$dx_p" >/dev/null 2>&1 && dx_fo=1 dx_fx=1
    fi
  done
  dx_m=$dx_q
}

# dx_an: the sudo, su or doas above process $1
dx_above() {
  dx_an=' '
  dx_read "/proc/$1/stat" || return 0
  while :; do
    dx_past
    set -- $dx_l
    dx_p=$2
    dx_read "/proc/$dx_p/stat" || return 0
    case $dx_l in *" (sudo) "* | *" (su) "* | *" (doas) "*) dx_an="$dx_an$dx_p " ;; *) return 0 ;; esac
  done
}

# sleep a tenth of a second and count it in dx_c; a second where sleep knows no fractions
dx_nap() {
  if sleep .1 2>/dev/null; then dx_c=$((dx_c + 1)); else
    sleep 1
    dx_c=$((dx_c + 10))
  fi
}

# two empty scans: a process forked during the first one stands in the second
dx_gone() {
  dx_scan
  [ "$dx_m" = ' ' ] || return 1
  dx_scan
  [ "$dx_m" = ' ' ]
}

# end the run: TERM, $1 tenths of a second of grace, KILL; says what became of it. Stopped first, until a scan finds
# nobody new: what is being forked during a scan would else miss the TERM and live to the end of the grace
dx_kill() {
  dx_fo= dx_an= dx_c=0 dx_h=
  if dx_gone; then
    dx_say none
    return
  fi
  # asked whether somebody with more power has to do it: then while the tree that leads to everybody stands
  if [ "$dx_fo" ] && [ "$dx_ask" ]; then
    dx_say left
    return
  fi
  while [ "$dx_m" != "$dx_h" ] && [ $dx_c -lt 10 ]; do
    kill -STOP $dx_j 2>/dev/null
    dx_h=$dx_m dx_c=$((dx_c + 1))
    dx_scan
  done
  dx_c=0
  kill -TERM $dx_va 2>/dev/null
  kill -CONT $dx_va 2>/dev/null
  while [ $dx_c -lt "$1" ]; do
    if dx_gone; then
      dx_say killed TERM
      return
    fi
    # a sudo that saw its child stopped may have stopped itself
    kill -CONT $dx_va 2>/dev/null
    # nobody is left whom a signal could reach; sudo has passed ours on
    if [ "$dx_fx" ] && [ ! "$dx_ow" ] && [ $dx_c -ge 10 ]; then break; fi
    dx_nap
  done
  dx_c=0
  while [ $dx_c -lt 20 ]; do
    kill -KILL $dx_m 2>/dev/null
    if dx_gone; then
      dx_say killed KILL
      return
    fi
    if [ "$dx_fx" ] && [ ! "$dx_ow" ]; then break; fi
    dx_nap
  done
  dx_say "alive$dx_m"
}

# root looks after a command's own sudo (dx_su), which takes the mark away: whether something that the same account
# began by sudo since then lives apart from every session and run that is known, and so may be of this one
dx_astray() {
  dx_stat $$
  dx_x=$dx_si
  for dx_f in $(grep -ls "SUDO_UID=$SUDO_UID" /proc/[0-9]*/environ 2>/dev/null); do
    dx_p=${dx_f#/proc/}
    dx_stat "${dx_p%/environ}" || continue
    { [ "$dx_si" != "$dx_x" ] && [ "$dx_st" -ge "$dx_gs" ]; } || continue
    grep -qs DEPLOYX_RUN= "$dx_f" || return 0
  done
  return 1
}

# another account's processes may have left session and tree unseen, and so may any where nothing reads the mark (no
# Linux, or no grep): then it is not known that all are dead
dx_say() {
  case $1 in
    killed | none)
      if [ "$dx_fo" ] || [ ! -r /proc/self/environ ] || ! command -v grep >/dev/null 2>&1 || {
        [ "$dx_su" ] && dx_astray
      }; then set -- unknown; fi
      ;;
  esac
  [ ! "$dx_fo" ] || set -- "$@" others
  printf 'dxk %s %s\n' "$dx_n" "$*"
}

# dx_z: the number of this process, which $$ is not in a subshell; where there is no /proc, a child knows it
dx_self() {
  dx_z=
  { read -r dx_z dx_k </proc/self/stat; } 2>/dev/null
  [ "$dx_z" ] || dx_z=$(exec sh -c 'echo $PPID')
}

# the deadline on the target itself: leader $1 that started at $2 may live $3 more seconds, whoever is connected.
# Looks every 5 s, and for a while often after a TERM: a cancel ends the leader at the same time
dx_watch() {
  dx_e=0
  trap 'dx_e=30' TERM HUP INT
  dx_self
  dx_me=" $dx_z "
  dx_g=$1 dx_gs=$2 dx_gi=$dx_si dx_o=$3 dx_fp= dx_wp= dx_sh=1
  while [ "$dx_o" -gt 0 ]; do
    { dx_stat "$dx_g" && [ "$dx_st" = "$dx_gs" ]; } || exit
    if [ $dx_e -gt 0 ]; then
      dx_e=$((dx_e - 1))
      dx_nap
    else
      dx_z=5
      [ "$dx_o" -ge 5 ] || dx_z=$dx_o
      sleep $dx_z &
      wait $!
      kill $! 2>/dev/null
      [ $dx_e -gt 0 ] || dx_o=$((dx_o - dx_z))
    fi
  done
  { dx_stat "$dx_g" && [ "$dx_st" = "$dx_gs" ]; } || exit
  dx_kill "$dx_gr" >/dev/null
}

# a direct run: $1 null or stream (where the command's standard input comes from), $2 nonce
dx_direct() {
  [ "$2" = "$dx_n" ] || exit 97
  if [ "$dx_d" ]; then
    CDPATH= cd "$dx_d" >/dev/null 2>&1 || { printf 'dx1 %s refused folder\n' "$dx_n"; exit 96; }
  fi
  command -v "$dx_i" >/dev/null 2>&1 || { printf 'dx1 %s refused shell\n' "$dx_n"; exit 96; }
  dx_boot
  dx_stat $$
  printf 'dx1 %s %s %s %s\n' "$dx_n" $$ "$dx_st/$dx_si" "$dx_b"
  # a terminal has one stream; it is raw until here, and shall not make two characters of a line end
  [ "$dx_y" ] || printf 'dx1 %s\n' "$dx_n" >&2
  if [ "$dx_y" = tty ]; then stty sane -echo -onlcr; fi
  # exec first: redirections of the call alone would keep copies of the channel open (dash)
  if [ "$dx_w" ]; then ( (exec </dev/null >/dev/null 2>&1; dx_watch $$ "$dx_st" "$dx_w") &); fi
  if [ "$1" = stream ]; then dx_run; else dx_run </dev/null; fi
}

# end a run from another channel: $1 pid, $2 start/session, $3 boot id, $4 grace in tenths of a second, $5 nonce
dx_cancel() {
  [ "$5" = "$dx_n" ] || exit 97
  dx_me= dx_fp= dx_wp= dx_sh= dx_g=$1 dx_gs=${2%/*} dx_gi=${2#*/} dx_fo=
  dx_boot
  if [ "$3" != "$dx_b" ]; then
    dx_say rebooted
  elif [ ! -r /proc/self/stat ] && ! ps -A -o pid= >/dev/null 2>&1; then
    kill -TERM -- "-$dx_g" 2>/dev/null
    dx_say unknown
  else
    dx_kill "$4"
  fi
}
