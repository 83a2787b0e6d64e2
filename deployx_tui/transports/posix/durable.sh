# The functions of durable runs, beside those of remote.sh and under the same rules. The supervisor is the shell that
# sshd (or we) started: it runs the command in its foreground and writes down how it ended. The follower, its background
# child, owns the channel. The guard holds the deadline and the limit of the output when nobody is connected.
#
# The spool dx_sp = <base>/dx-<nonce>, mode 0700:
#   meta     "<supervisor> <start>/<session> <boot id>", then "<follower> <guard>"
#   out err  what the command wrote, raw; sig what the supervisor's shell said of its death
#   rsv      room for the record, taken at the start: a full disk can't keep the end from being written down
#   exit     the record: "exit|signal <code|name> [full]."
#   timeout  the deadline passed on the target;  limit  the output grew above its limit

# dx_sp: the run's spool; fails when there is none
dx_home() {
  for dx_f in $dx_ba; do
    dx_sp=$dx_f/dx-$dx_n
    if [ -d "$dx_sp" ] && [ ! -L "$dx_sp" ] && [ -O "$dx_sp" ]; then return 0; fi
  done
  dx_sp=
  return 1
}

dx_refuse() {
  printf 'dx1 %s refused %s\n' "$dx_n" "$1"
  exit 96
}

# whether the process dx_a, which started at dx_as, still lives
dx_lives() {
  [ "$dx_a" ] || return 1
  if [ -r /proc/self/stat ]; then
    dx_stat "$dx_a" && [ "$dx_st" = "$dx_as" ]
  else
    kill -0 "$dx_a" 2>/dev/null
  fi
}

# make the spool, in the first base that can hold it. mkdir is the lock: of two starts one runs
dx_make() {
  for dx_f in $dx_ba; do
    dx_sp=$dx_f/dx-$dx_n
    if ! mkdir -m 700 "$dx_sp" 2>/dev/null; then
      [ ! -d "$dx_sp" ] || dx_refuse exists
      continue
    fi
    for dx_k in $dx_ba; do
      if [ "$dx_k" != "$dx_f" ] && [ -d "$dx_k/dx-$dx_n" ]; then
        rmdir "$dx_sp"
        dx_refuse exists
      fi
    done
    if {
      printf '%4096s' ' ' >"$dx_sp/rsv" && : >"$dx_sp/out" && : >"$dx_sp/err" && : >"$dx_sp/sig" &&
        printf '%s\n' "$1" >"$dx_sp/meta"
    } 2>/dev/null && [ -s "$dx_sp/meta" ] && [ -s "$dx_sp/rsv" ]; then
      return 0
    fi
    rm -rf "$dx_sp"
  done
  dx_sp=
  return 1
}

# a durable run: $1 nonce
dx_durable() {
  [ "$1" = "$dx_n" ] || exit 97
  if [ "$dx_d" ]; then
    CDPATH= cd "$dx_d" >/dev/null 2>&1 || dx_refuse folder
  fi
  command -v "$dx_i" >/dev/null 2>&1 || dx_refuse shell
  if dx_home; then dx_refuse exists; fi
  dx_boot
  dx_ob=
  dx_stat $$
  dx_a=$$ dx_as=$dx_st
  dx_make "$$ $dx_st/$dx_si $dx_b" || dx_refuse nospool
  # every signal that can be caught, and not ignored: the command would inherit that. From here on nothing but its
  # record ends the run, also when nobody reads the mark
  trap : TERM HUP INT QUIT PIPE ALRM USR2
  { printf 'dx1 %s %s %s %s\n' "$dx_n" $$ "$dx_st/$dx_si" "$dx_b"; } 2>/dev/null
  # ignored until the follower has its own trap: a command may be quicker than that
  trap '' USR1
  # a background child gets /dev/null before its redirections: the channel is duplicated first
  exec 6<&0
  (
    trap '' TERM HUP
    trap 'dx_u=1' USR1
    dx_follow 0 0
  ) <&6 6<&- &
  dx_fp=$!
  trap : USR1
  exec </dev/null 6<&- 2>"$dx_sp/sig" >>"$dx_sp/out"
  (dx_guard) </dev/null >/dev/null 2>&1 &
  dx_wp=$!
  { printf '%s\n' "$dx_fp $dx_wp" >>"$dx_sp/meta"; } 2>/dev/null
  if [ "$dx_in" ]; then
    printf '%b' "$dx_in" | (
      exec 2>>"$dx_sp/err"
      dx_run
    )
  else
    (
      exec 2>>"$dx_sp/err"
      dx_run
    )
  fi
  dx_record $?
  kill -USR1 $dx_fp
  kill $dx_wp
  exec >/dev/null 2>&1
  # sshd closes our input when this process has ended, and the follower could not hear that it may remove the spool
  while kill -0 $dx_fp; do wait $dx_fp; done
  dx_sweep
  exit 0
}

# write down how the command ended: $1 its status. A shell speaks on its own standard error (sig) when its foreground
# child died by a signal, and only then: so an exit code of 143 and a TERM differ
dx_record() {
  {
    dx_k="exit $1"
    if [ -s "$dx_sp/sig" ] && [ "$1" -gt 128 ]; then dx_k="signal $(kill -l "$1")"; fi
    dx_l=
    printf '%4096s' ' ' >"$dx_sp/room" && [ -s "$dx_sp/room" ] || dx_l=' full'
    # in place: it needs no new block
    printf '%s\n' "$dx_k$dx_l." 1<>"$dx_sp/rsv" && mv -f "$dx_sp/rsv" "$dx_sp/exit"
  } 2>/dev/null
}

# send what the files have from offsets $1 (out) and $2 (err) on, until the run is over and the other side has all.
# Lines: o N, e N (and N bytes), h (silence), c o, c e (the command cut its own output short), r (another boot),
# x OUT ERR RECORD, gone; then "ack" is read, the spool removed and "g" said
dx_follow() {
  [ -r "$dx_sp/out" ] && [ -r "$dx_sp/err" ] || dx_lost
  exec 3<"$dx_sp/out" 4<"$dx_sp/err"
  unset TIME_STYLE
  LC_ALL=C
  export LC_ALL
  dx_o=$1 dx_e=$2 dx_i=05 dx_c=0 dx_h=0 dx_z=
  dx_seek 3 "$dx_o"
  dx_seek 4 "$dx_e"
  while :; do
    # dx_u: the supervisor has called (USR1) since. The record is looked at before the sizes: so the last bytes are
    # never missed
    dx_q= dx_u=
    if [ -e "$dx_sp/exit" ]; then
      dx_q=exit
    elif ! dx_lives && [ ! -e "$dx_sp/exit" ]; then
      dx_q=vanished
    fi
    dx_k=
    if ! dx_mute; then
      # sorted: err comes first
      set -- $(ls -n "$dx_sp/err" "$dx_sp/out" 2>/dev/null)
      [ $# -ge 18 ] || dx_lost
      dx_piece o "${14}" "$dx_o" 3 && dx_o=$dx_y dx_k=1
      dx_piece e "$5" "$dx_e" 4 && dx_e=$dx_y dx_k=1
    fi
    if [ "$dx_k" ]; then
      dx_i=05 dx_c=0 dx_h=0
      continue
    fi
    [ -z "$dx_q" ] || break
    [ "$dx_u" ] || dx_rest
  done
  dx_l='vanished 0.'
  if [ $dx_q = exit ]; then IFS= read -r dx_l <"$dx_sp/exit"; fi
  # a power cut may have kept the file's name and not its content
  case $dx_l in exit\ *. | signal\ *.) ;; *) dx_l='vanished 0.' ;; esac
  dx_l=${dx_l%%.*}
  if [ -e "$dx_sp/timeout" ]; then dx_l="$dx_l timeout"; fi
  if [ -e "$dx_sp/limit" ]; then dx_l="$dx_l limit"; fi
  printf 'x %s %s %s\n' "$dx_o" "$dx_e" "$dx_l"
  IFS= read -r dx_k
  if [ "$dx_k" = ack ]; then
    rm -rf "$dx_sp"
    echo g
  fi
}

dx_lost() {
  echo gone
  exit
}

# nothing was said yet, which costs no process to see: most looks at a short run find that
dx_mute() {
  [ "$dx_o$dx_e" = 00 ] && [ -e "$dx_sp/out" ] && [ -e "$dx_sp/err" ] && [ ! -s "$dx_sp/out" ] && [ ! -s "$dx_sp/err" ]
}

# move descriptor $1 to byte $2. BSD's old dd copies everything without "count=0"
dx_seek() {
  [ "$2" -gt 0 ] || return 0
  dd bs=1 skip="$2" count=0 <&"$1" 2>/dev/null
}

# one frame of stream $1, whose file has $2 bytes, $3 of them sent, by descriptor $4; dx_y: how many then are
dx_piece() {
  dx_y=$3
  dx_k2=$(($2 - $3))
  if [ $dx_k2 -lt 0 ]; then
    # after a restart of the target: what was not on its disk yet is gone, and what is there was sent already
    [ -z "$dx_ob" ] || return 1
    # who opens /dev/stdout again for writing empties the file
    printf 'c %s\n' "$1" || exit
    if [ "$1" = o ]; then exec 3<"$dx_sp/out"; else exec 4<"$dx_sp/err"; fi
    dx_y=0
    return 0
  fi
  [ $dx_k2 -gt 0 ] || return 1
  [ $dx_k2 -le 1048576 ] || dx_k2=1048576
  printf '%s %s\n' "$1" $dx_k2 && dd bs=$dx_k2 count=1 <&"$4" 2>/dev/null || exit
  dx_y=$(($3 + dx_k2))
}

# wait for more: 0.05 s, 0.1 s, then 0.2 s for half a minute, then 0.8 s; USR1 ends it
dx_rest() {
  if [ "$dx_z" ]; then sleep 1 </dev/null >/dev/null 2>&1 3<&- 4<&- &
  else sleep 0.$dx_i </dev/null >/dev/null 2>&1 3<&- 4<&- & fi
  wait $! 2>/dev/null
  dx_k=$?
  # whole seconds where sleep knows no fractions (a wait that USR1 ended says more than 128)
  if [ $dx_k -gt 0 ] && [ $dx_k -lt 128 ]; then dx_z=1; fi
  kill $! 2>/dev/null
  case $dx_i in 05) dx_i=1 ;; 1) dx_i=2 ;; esac
  dx_k=$dx_i
  if [ "$dx_z" ]; then dx_k=10; fi
  dx_c=$((dx_c + dx_k)) dx_h=$((dx_h + dx_k))
  [ $dx_c -lt 300 ] || dx_i=8
  if [ $dx_h -ge 150 ]; then
    # a sshd that is gone is noticed only by writing to it
    dx_h=0
    echo h || exit
  fi
}

# follow a run again: $1 $2 bytes of out and err that the other side has, $3 nonce
dx_attach() {
  [ "$3" = "$dx_n" ] || exit 97
  dx_boot
  dx_home || dx_refuse "missing $dx_b"
  dx_ob=
  dx_meta
  printf 'dx1 %s %s %s %s\n' "$dx_n" "${dx_a:-0}" "$dx_as/$dx_si" "$dx_bo"
  if [ "$dx_bo" != "$dx_b" ]; then
    dx_a= dx_ob=1
    echo r
  fi
  dx_follow "$1" "$2"
}

# what meta says: dx_a dx_as dx_si dx_bo of the supervisor, dx_fp dx_wp. It may be being written at this moment
dx_meta() {
  dx_c=0
  while [ ! -s "$dx_sp/meta" ] && [ -d "$dx_sp" ] && [ $dx_c -lt 20 ]; do dx_nap; done
  dx_a= dx_as=- dx_bo=- dx_fp= dx_wp=
  { {
    read -r dx_a dx_as dx_bo
    read -r dx_fp dx_wp
  } <"$dx_sp/meta"; } 2>/dev/null
  dx_si=${dx_as#*/} dx_as=${dx_as%/*}
}

# dx_me: who is spared by a kill: the supervisor, its follower and guard, and what these two started; dx_se is the guard
# itself when it kills. Anew at each scan: they start a process at each look
dx_spare() {
  dx_me=" $dx_se "
  if dx_lives; then dx_me="$dx_me$dx_a "; fi
  dx_k=1
  while [ $dx_k = 1 ]; do
    dx_k=0
    set -- $dx_r
    while [ $# -gt 3 ]; do
      case $dx_me in
        *" $1 "*) ;;
        *)
          if [ "$2" = "$dx_a" ]; then
            # a pid alone may be somebody else's by now, but not as a child of the supervisor
            if [ "$1" = "$dx_fp" ] || [ "$1" = "$dx_wp" ]; then dx_me="$dx_me$1 " dx_k=1; fi
          else
            case $dx_me in *" $2 "*) dx_me="$dx_me$1 " dx_k=1 ;; esac
          fi
          ;;
      esac
      shift 4
    done
  done
}

# end what the run started ($1 tenths of a second of grace), and give the supervisor a second to write it down
dx_end() {
  dx_v=$(dx_kill "$1")
  case $dx_v in
    *" alive "*) ;;
    *)
      dx_c=0
      while [ ! -e "$dx_sp/exit" ] && [ $dx_c -lt 10 ] && dx_lives; do dx_nap; done
      if [ ! -e "$dx_sp/exit" ] && dx_lives; then kill -KILL $dx_a $dx_fp; fi
      ;;
  esac
}

# end a durable run from another channel: $1 tenths of a second of grace, $2 nonce
dx_stop() {
  [ "$2" = "$dx_n" ] || exit 97
  dx_fo= dx_me= dx_se= dx_sh=
  dx_boot
  if ! dx_home; then
    # by its mark alone; that nobody has it proves nothing
    dx_g=0 dx_gs=- dx_gi=-1 dx_fp= dx_wp=
    dx_v=$(dx_kill "$1")
    case $dx_v in *" none") dx_v="dxk $dx_n unknown" ;; esac
  else
    dx_meta
    dx_g=$dx_a dx_gs=$dx_as dx_gi=$dx_si
    if [ "$dx_bo" != "$dx_b" ]; then
      dx_v="dxk $dx_n rebooted"
    elif [ ! -r /proc/self/stat ] && ! ps -A -o pid= >/dev/null 2>&1; then
      kill -TERM -- "-$dx_a" 2>/dev/null
      dx_v="dxk $dx_n unknown"
    else
      dx_end "$1"
    fi
  fi
  printf '%s\n' "$dx_v"
}

# the guard: dx_w seconds to live ("": no end), dx_cap bytes of output, whoever is connected
dx_guard() {
  dx_e=
  trap 'dx_e=1' TERM HUP INT
  dx_self
  dx_wp=$dx_z dx_sh=1 dx_se=$dx_z dx_g=$dx_a dx_gs=$dx_as dx_gi=$dx_si dx_o=$dx_w dx_t=1 dx_y=0 dx_fo=
  while [ ! -e "$dx_sp/exit" ]; do
    if ! dx_lives && [ ! -e "$dx_sp/exit" ] && dx_gone; then exit; fi
    dx_z=$dx_t
    if [ "$dx_o" ] && [ "$dx_o" -lt "$dx_z" ]; then dx_z=$dx_o; fi
    sleep $dx_z &
    wait $!
    kill $! 2>/dev/null
    if [ "$dx_e" ]; then
      dx_e=
      continue
    fi
    if [ "$dx_o" ] && [ $((dx_o -= dx_z)) -le 0 ]; then dx_over timeout; fi
    set -- $(LC_ALL=C ls -n "$dx_sp/err" "$dx_sp/out" 2>/dev/null)
    [ $# -ge 18 ] || continue
    dx_k=$(($5 + ${14}))
    [ $dx_k -le "$dx_cap" ] || dx_over limit
    # at the present pace it could be full before the next look but three: look each second
    dx_t=$((dx_t * 2))
    if [ $dx_t -gt 5 ]; then dx_t=5; fi
    if [ $(((dx_k - dx_y) * 4)) -gt $((dx_cap - dx_k)) ]; then dx_t=1; fi
    dx_y=$dx_k
  done
}

dx_over() {
  : >"$dx_sp/$1"
  dx_end "$dx_gr"
  exit
}

# remove what nobody collected for a week: not while its supervisor lives. The bases are open to all, so any name may lie
# there: one of ours is dx- and 32 hex digits, a folder of this account, and never text that a shell would read again
dx_sweep() {
  for dx_f in $dx_ba; do
    for dx_sp in "$dx_f"/dx-*; do
      dx_q=${dx_sp##*/dx-}
      case $dx_q in '' | *[!0-9a-f]*) continue ;; esac
      [ ${#dx_q} = 32 ] && [ -O "$dx_sp" ] && [ -d "$dx_sp" ] && [ ! -L "$dx_sp" ] || continue
      [ "$(find "$dx_sp" -prune -mtime +7 2>/dev/null)" ] || continue
      # a start that was killed between mkdir and this has left none
      if [ -s "$dx_sp/meta" ]; then
        dx_meta
        if [ "$dx_bo" = "$dx_b" ] && dx_lives; then continue; fi
      fi
      rm -rf "$dx_sp"
    done
  done
}
