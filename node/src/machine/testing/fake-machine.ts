import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Programs, type ProgramsOptions } from '../programs.ts'
import type { MachineAccess } from '../sighting.ts'

/** A folder with programs and kernel files of a machine that is not there; the programs are really started. */
export class FakeMachine implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'hanse-machine-'))
  readonly bin = join(this.root, 'bin')
  readonly sys = join(this.root, 'sys')

  constructor() {
    mkdirSync(this.bin)
    mkdirSync(this.sys)
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** A program that is this shell script. */
  script(name: string, body: string): void {
    const path = join(this.bin, name)
    writeFileSync(path, `#!/bin/sh\n${body}\n`)
    chmodSync(path, 0o755)
  }

  /** A program that prints what `outputs` has for the first of its keys that is among the arguments; `''` is for all. */
  prints(name: string, outputs: Readonly<Record<string, string>>, exitCode = 0): void {
    const cases = Object.entries(outputs).map(([key, output], index) => {
      const file = join(this.root, `${name}.${index}.txt`)
      writeFileSync(file, output)
      return `*${key === '' ? '' : `"${key}"*`}) cat ${file};;`
    })
    this.script(name, `case "$*" in\n${cases.join('\n')}\nesac\nexit ${exitCode}`)
  }

  /** Kernel files of a card, under its PCI address as on Linux. */
  card(entry: string, pci: string, driver: string | null, files: Readonly<Record<string, string>>) {
    const device = join(this.sys, 'devices', 'pci0000:00', pci)
    for (const [name, content] of Object.entries(files)) this.file(join(device, name), content)
    if (driver !== null) {
      const target = join(this.sys, 'bus', 'pci', 'drivers', driver)
      mkdirSync(target, { recursive: true })
      symlinkSync(target, join(device, 'driver'))
    }
    mkdirSync(join(this.sys, 'class', 'drm', entry), { recursive: true })
    symlinkSync(device, join(this.sys, 'class', 'drm', entry, 'device'))
  }

  sysFile(path: string, content: string): void {
    this.file(join(this.sys, path), content)
  }

  access(
    platform: NodeJS.Platform = 'linux',
    options: Partial<ProgramsOptions> = {},
  ): MachineAccess {
    return {
      platform,
      programs: new Programs({
        path: this.bin,
        // Scripts start slowly on a loaded machine.
        timeoutMs: 20_000,
        ...options,
      }),
      sysRoot: this.sys,
      memoryBytes: 64 * 2 ** 30,
    }
  }

  private file(path: string, content: string): void {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}
