import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second, whatever its own tick is (USER_HZ). */
const MS_PER_TICK = 10

/** User and system time of a process so far; `undefined` where there is no /proc. Steps of 10 ms. */
export function cpuMs(pid: number | undefined): number | undefined {
  if (pid === undefined || process.platform !== 'linux') return undefined
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in brackets, may hold spaces; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}
