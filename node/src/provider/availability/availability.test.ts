import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import type { GpuReading } from '../../machine/machine.ts'
import { Availability } from './availability.ts'
import { OwnerSwitch } from './owner-switch.ts'
import { parseWindows, Schedule } from './schedule.ts'
import { WallClock } from './wall-clock.ts'

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-availability-'))
  path = join(folder, 'paused.json')
})
afterEach(async () => await rm(folder, { recursive: true, force: true }))

const NIGHTS = () => new Schedule(parseWindows('20:00-07:00'), new WallClock('Europe/Berlin'))

describe('the owner', () => {
  test('pauses and resumes, and a restart remembers it', async () => {
    const heard: boolean[] = []
    {
      await using open = new Availability({
        owner: await OwnerSwitch.open(path, Date.now),
        now: Date.now,
      })
      open.onChange(() => heard.push(open.isOpen()))
      assert.equal(open.isOpen(), true)
      await open.setPaused(true)
      await open.setPaused(true)
      assert.deepEqual(open.reasons(), ['paused by the owner'])
      assert.deepEqual(open.pause(), { reopensInMs: undefined })
    }
    await using again = new Availability({
      owner: await OwnerSwitch.open(path, Date.now),
      now: Date.now,
    })
    assert.equal(again.isOpen(), false)
    await again.setPaused(false)
    assert.equal((await OwnerSwitch.open(path, Date.now)).paused, false)
    assert.deepEqual(heard, [false])
    assert.deepEqual(await readdir(folder), ['paused.json'], 'no drafts are left')
  })

  test('who says many things at once is left with the last one', async () => {
    const owner = await OwnerSwitch.open(path, Date.now)
    await Promise.all([true, false, true, false, true].map(async (paused) => owner.set(paused)))
    assert.equal(JSON.parse(await readFile(path, 'utf8')).paused, true)
  })

  test.each(['', '{"paused":', '{"paused":"yes","at":1}', '[]', '\u0000'])(
    'is taken to have paused when the file holds %j',
    async (text) => {
      await writeFile(path, text)
      assert.equal((await OwnerSwitch.open(path, Date.now)).paused, true)
    },
  )

  test('hears when the pause cannot be kept, and it holds all the same', async () => {
    const owner = await OwnerSwitch.open(join(folder, 'missing', 'paused.json'), Date.now)
    await assert.rejects(owner.set(true), { code: 'ENOENT' })
    assert.equal(owner.paused, true)
  })
})

describe('a schedule', () => {
  test('closes by day, and says when it opens', async () => {
    let now = Date.parse('2026-06-02T12:00+02:00')
    const owner = await OwnerSwitch.open(path, () => now)
    await using subject = new Availability({ owner, schedule: NIGHTS(), now: () => now })
    assert.deepEqual(subject.reasons(), ['outside the schedule'])
    assert.equal(subject.reopensInMs(), 8 * 3_600_000)
    now = Date.parse('2026-06-02T21:00+02:00')
    assert.equal(subject.isOpen(), true)
    assert.equal(subject.reopensInMs(), 0)
  })

  test('tells its listeners when the hour comes', async () => {
    const edge = Date.parse('2026-06-02T20:00+02:00')
    let began: number | undefined
    const now = () => edge - 200 + (began === undefined ? 0 : Date.now() - began)
    const owner = await OwnerSwitch.open(path, now)
    await using subject = new Availability({ owner, schedule: NIGHTS(), now })
    const opened = new Promise<void>((resolve) => subject.onChange(resolve))
    assert.equal(subject.isOpen(), false)
    began = Date.now()
    subject.start()
    await opened
    assert.equal(subject.isOpen(), true)
  })
})

describe('a hot GPU', () => {
  test('pauses until it has cooled; a driver that fails changes nothing', async () => {
    const reading = (temperatureCelsius: number): GpuReading => ({
      id: 'nvidia:0',
      utilization: 0,
      temperatureCelsius,
      vramUsedBytes: 0,
      powerWatts: null,
      processes: [],
    })
    let celsius: number | Error = 95
    let failures = 0
    await using subject = new Availability({
      owner: await OwnerSwitch.open(path, Date.now),
      now: Date.now,
      guard: {
        pauseAboveBusy: 0.6,
        pauseAboveCelsius: 88,
        resumeBelowCelsius: 80,
        pauseAboveOthersVram: 0.5,
        readings: 2,
        gpus: [],
        everyMs: 1,
        running: () => 0,
        read: async () => {
          if (celsius instanceof Error) throw celsius
          return [reading(celsius)]
        },
        onFailure: () => failures++,
      },
    })
    const change = async () => await new Promise<void>((resolve) => subject.onChange(resolve))
    const paused = change()
    subject.start()
    await paused
    assert.deepEqual(subject.reasons(), ['nvidia:0 is at 95 °C'])
    celsius = new Error('driver')
    while (failures < 5) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(subject.isOpen(), false)
    const resumed = change()
    celsius = 50
    await resumed
    assert.equal(subject.isOpen(), true)
  })
})

describe('memory of a GPU', () => {
  test('that others hold pauses, and what the node itself holds does not', async () => {
    const gib = 2 ** 30
    let held = [{ pid: 1, vramBytes: 20 * gib }]
    const asked: (readonly number[])[] = []
    await using subject = new Availability({
      owner: await OwnerSwitch.open(path, Date.now),
      now: Date.now,
      guard: {
        pauseAboveBusy: 0.6,
        pauseAboveCelsius: 88,
        resumeBelowCelsius: 80,
        pauseAboveOthersVram: 0.5,
        readings: 2,
        gpus: [{ id: 'nvidia:0', vendor: 'nvidia', name: 'x', vramBytes: 24 * gib, driver: null }],
        everyMs: 1,
        running: () => 0,
        read: async () => [
          {
            id: 'nvidia:0',
            utilization: 0,
            temperatureCelsius: 40,
            vramUsedBytes: 20 * gib,
            powerWatts: null,
            processes: held,
          },
        ],
        ownProcesses: async (pids) => {
          asked.push(pids)
          return new Set([1])
        },
      },
    })
    subject.start()
    while (asked.length < 5) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(subject.isOpen(), true)
    const paused = new Promise<void>((resolve) => subject.onChange(resolve))
    held = [
      { pid: 1, vramBytes: 4 * gib },
      { pid: 2, vramBytes: 18 * gib },
    ]
    await paused
    assert.deepEqual(subject.reasons(), ['nvidia:0 is short of memory: others hold 75 %'])
    assert.deepEqual(asked.at(-1), [1, 2])
  })
})
