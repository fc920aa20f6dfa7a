import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { parseAmdSmi, parseRocmSmi } from './amd-tools.ts'
import { metalBytes, parseProfile, parseStatistics } from './apple.ts'
import { asSightings, parseControllers } from './graphics.ts'
import { parseGpus, parseProcesses } from './nvidia.ts'
import * as outputs from './testing/fixtures.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20
const MEMORY = 120 * GIB
const nvidia = (csv: string) => parseGpus(csv, MEMORY).map(({ sighting }) => sighting)

describe('nvidia-smi', () => {
  test('tells of several cards in bytes and shares', () => {
    const [first, second, none] = nvidia(outputs.NVIDIA_TWO)
    assert.deepEqual(first?.gpu, {
      id: 'nvidia:0',
      vendor: 'nvidia',
      name: 'Tesla V100-SXM2-16GB',
      vramBytes: 16 * GIB,
      driver: '580.126.09',
    })
    assert.deepEqual(second?.reading, {
      id: 'nvidia:1',
      utilization: 0.97,
      temperatureCelsius: 71,
      vramUsedBytes: 5 * GIB,
      powerWatts: 243.1,
      processes: [],
    })
    assert.equal(none, undefined)
  })

  test('says null for what a card does not tell, in old words and new', () => {
    assert.equal(nvidia(outputs.NVIDIA_LAPTOP)[0]?.reading.powerWatts, null)
    const old = nvidia(outputs.NVIDIA_OLD)[0]
    assert.deepEqual([old?.reading.utilization, old?.reading.powerWatts], [null, null])
    assert.equal(old?.gpu.vramBytes, 2002 * MIB)
    const mig = nvidia(outputs.NVIDIA_MIG)[0]
    assert.deepEqual([mig?.gpu.vramBytes, mig?.reading.utilization], [81559 * MIB, null])
    const forbidden = nvidia(outputs.NVIDIA_FORBIDDEN)[0]
    assert.deepEqual([forbidden?.gpu.vramBytes, forbidden?.reading.vramUsedBytes], [0, null])
  })

  test('a chip that shares the memory of the machine has all of it', () => {
    assert.equal(nvidia(outputs.NVIDIA_SPARK)[0]?.gpu.vramBytes, MEMORY)
  })

  test('reads a decimal comma and the line ends of Windows', () => {
    const [card] = nvidia(outputs.NVIDIA_COMMA)
    assert.equal(card?.reading.powerWatts, 63.15)
    assert.equal(card?.gpu.name, 'NVIDIA GeForce RTX 4090')
  })

  test('keeps the cards that answer beside one that is lost', () => {
    assert.deepEqual(
      nvidia(outputs.NVIDIA_LOST).map(({ gpu }) => gpu.name),
      ['NVIDIA GeForce RTX 3090'],
    )
  })

  test('lists processes by card', () => {
    const processes = parseProcesses(outputs.NVIDIA_TWO_PROCESSES)
    assert.deepEqual(processes.get('GPU-00000000-0000-0000-0000-000000000002'), [
      { pid: 114687, vramBytes: 5014 * MIB },
      { pid: 114702, vramBytes: null },
    ])
  })

  test('a name cannot move the cursor of a terminal', () => {
    const [card] = nvidia('0, GPU-1, 580, 1024, 0, 0, 30, 10, Evil\u001b[2J\u202e, card\n')
    assert.equal(card?.gpu.name, 'Evil [2J , card')
  })
})

describe('AMD’s tools', () => {
  test('rocm-smi tells names, memory and readings, after its warnings', () => {
    const cards = parseRocmSmi(outputs.ROCM_SMI_TWO)
    assert.deepEqual(
      cards.map(({ pci, sighting: { gpu } }) => [pci, gpu.id, gpu.name, gpu.vramBytes, gpu.driver]),
      [
        ['0000:03:00.0', 'amd:0', 'Radeon RX 7900 XT', 21458059264, '6.10.5'],
        ['0000:c4:00.0', 'amd:1', 'Phoenix3', 512 * MIB, '6.10.5'],
      ],
    )
    assert.deepEqual(cards[0]?.sighting.reading, {
      id: 'amd:0',
      utilization: 1,
      temperatureCelsius: 36,
      vramUsedBytes: 27856896,
      powerWatts: 128,
      processes: [],
    })
    assert.equal(cards[1]?.sighting.reading.powerWatts, 7.222)
  })

  test('amd-smi is read in the shapes of two releases', () => {
    const [six] = parseAmdSmi(outputs.AMD_SMI_6)
    const [seven, unknown] = parseAmdSmi(outputs.AMD_SMI_7)
    assert.deepEqual(six, seven)
    assert.deepEqual(six?.sighting.gpu, {
      id: 'amd:0',
      vendor: 'amd',
      name: 'AMD Instinct MI350X',
      vramBytes: 294896 * MIB,
      driver: '6.18.3',
    })
    assert.deepEqual(unknown?.sighting.gpu, {
      id: 'amd:1',
      vendor: 'amd',
      name: 'AMD GPU',
      vramBytes: 0,
      driver: null,
    })
  })
})

describe('macOS', () => {
  test('Apple’s chip has what Metal may use of the shared memory', () => {
    const [chip] = parseProfile(outputs.PROFILER_M1, metalBytes(16 * GIB, '0\n'))
    assert.equal(chip?.gpu.name, 'Apple M1 Pro')
    assert.equal(chip?.gpu.vramBytes, Math.floor((16 * GIB * 2) / 3))
    assert.equal(metalBytes(64 * GIB, ''), 48 * GIB)
    assert.equal(metalBytes(64 * GIB, '57344\n'), 56 * GIB)
    assert.equal(metalBytes(8 * GIB, '57344\n'), 8 * GIB)
  })

  test('a Mac with Intel’s processor has cards of their own', () => {
    assert.deepEqual(
      parseProfile(outputs.PROFILER_INTEL_MAC, 0).map(({ gpu }) => [gpu.id, gpu.vramBytes]),
      [
        ['intel:0', 1.5 * GIB],
        ['amd:0', 4 * GIB],
      ],
    )
  })

  test('the driver’s statistics tell its use', () => {
    assert.deepEqual(parseStatistics(outputs.IOREG_M1), {
      utilization: 0.08,
      vramUsedBytes: 987004928,
    })
    assert.equal(parseStatistics('{}'), undefined)
  })
})

test('the list of the operating system leaves out screens that are no GPU', () => {
  const sightings = asSightings(parseControllers(outputs.CONTROLLERS_WINDOWS))
  assert.deepEqual(
    sightings.map(({ gpu }) => [gpu.id, gpu.name, gpu.vramBytes]),
    [
      ['intel:0', 'Intel(R) UHD Graphics 770', 0],
      ['amd:0', 'AMD Radeon RX 7600', 8176 * MIB],
    ],
  )
})

test('no output makes a parser throw, and every number is one that an Offer can hold', () => {
  const fixtures = Object.values(outputs)
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .tuple(fc.constantFrom(...fixtures), fc.nat(2000), fc.string({ maxLength: 20 }))
      .map(([whole, at, insert]) => whole.slice(0, at) + insert + whole.slice(at + 7)),
  )
  fc.assert(
    fc.property(text, (output) => {
      parseStatistics(output)
      parseProcesses(output)
      const sightings = [
        ...nvidia(output),
        ...[...parseRocmSmi(output), ...parseAmdSmi(output)].map(({ sighting }) => sighting),
        ...parseProfile(output, 1),
        ...asSightings(parseControllers(output)),
      ]
      for (const { gpu, reading } of sightings) {
        assert.ok(Number.isInteger(gpu.vramBytes) && gpu.vramBytes >= 0)
        assert.ok(gpu.name.length > 0 && gpu.name.length <= 100)
        assert.ok(reading.utilization === null || reading.utilization <= 1)
      }
    }),
    { numRuns: 500 },
  )
})
