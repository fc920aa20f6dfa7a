import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, vi } from 'vitest'
import { examineMachine, inspectMachine, readGpus, thisMachine } from './inspect.ts'
import { Programs } from './programs.ts'
import { FakeMachine } from './testing/fake-machine.ts'
import * as outputs from './testing/fixtures.ts'

const GIB = 2 ** 30
const gone = async (pid: number): Promise<void> => {
  for (let i = 0; i < 500; i++) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`process ${pid} lives on`)
}

describe('NVIDIA’s cards', () => {
  test('are listed by nvidia-smi, with the processes that compute on each', async () => {
    using fake = new FakeMachine()
    fake.prints('nvidia-smi', {
      '--query-gpu': outputs.NVIDIA_TWO,
      '--query-compute-apps': outputs.NVIDIA_TWO_PROCESSES,
    })
    const { machine, findings } = await examineMachine(fake.access())
    assert.deepEqual(
      machine.gpus.map(({ id, vramBytes }) => [id, vramBytes]),
      [
        ['nvidia:0', 16 * GIB],
        ['nvidia:1', 16 * GIB],
      ],
    )
    assert.deepEqual(findings, [])
    assert.equal(machine.memoryBytes, 64 * GIB)
    assert.ok(machine.cores >= 1 && machine.cpu.length > 0)
    const readings = await readGpus(fake.access())
    assert.deepEqual(
      readings.map(({ processes }) => processes.map(({ pid }) => pid)),
      [[], [114687, 114702]],
    )
  })

  test('that share memory are measured by what processes hold', async () => {
    using fake = new FakeMachine()
    fake.prints('nvidia-smi', {
      '--query-gpu': outputs.NVIDIA_SPARK,
      '--query-compute-apps': outputs.NVIDIA_SPARK_PROCESSES,
    })
    const [reading] = await readGpus(fake.access())
    assert.equal(reading?.vramUsedBytes, 19135 * 2 ** 20)
  })

  test('are none, with the reason for the doctor, when the driver is not there', async () => {
    using fake = new FakeMachine()
    fake.prints('nvidia-smi', { '': outputs.NVIDIA_NO_DRIVER }, 9)
    fake.card('card0', '0000:01:00.0', 'nouveau', { vendor: '0x10de\n', device: '0x2684\n' })
    const { machine, findings } = await examineMachine(fake.access())
    assert.deepEqual(machine.gpus, [])
    assert.match(findings[0]?.reason ?? '', /couldn't communicate with the NVIDIA driver/u)
    assert.match(findings[1]?.reason ?? '', /0000:01:00\.0 \(kernel driver: nouveau\)/u)
  })

  test('stay on the list when another one is lost, and the reason is kept', async () => {
    using fake = new FakeMachine()
    fake.prints('nvidia-smi', { '--query-gpu': outputs.NVIDIA_LOST, '': '' }, 15)
    const { machine, findings } = await examineMachine(fake.access())
    assert.equal(machine.gpus.length, 1)
    assert.equal(findings[0]?.source, 'nvidia-smi')
  })
})

describe('a tool that misbehaves', () => {
  test('is ended with all that it started when it hangs', async () => {
    using fake = new FakeMachine()
    const pidFile = join(fake.root, 'pid')
    fake.script('nvidia-smi', `sleep 600 &\necho $! > ${pidFile}\nwait`)
    const { machine, findings } = await examineMachine(fake.access('linux', { timeoutMs: 2_000 }))
    assert.deepEqual(machine.gpus, [])
    assert.match(findings[0]?.reason ?? '', /no answer within 2 s/u)
    await gone(Number(readFileSync(pidFile, 'utf8')))
  })

  test('is ended when it prints without end', async () => {
    using fake = new FakeMachine()
    fake.script('nvidia-smi', 'while :; do echo 0123456789012345678901234567890123456789; done')
    const { findings } = await examineMachine(fake.access('linux', { timeoutMs: 20_000 }))
    assert.match(findings[0]?.reason ?? '', /without end/u)
  })

  test('is as good as none when it prints garbage or is no program', async () => {
    using fake = new FakeMachine()
    fake.prints('nvidia-smi', { '': 'Segmentation fault\u0000\u0001\n{{{' })
    fake.prints('rocm-smi', { '': '[not json' })
    fake.script('amd-smi', 'exit 1')
    const { machine, findings } = await examineMachine(fake.access())
    assert.deepEqual(machine.gpus, [])
    assert.deepEqual(
      findings.map(({ source, reason }) => [source, reason]),
      [
        ['nvidia-smi', 'its answer lists no GPU'],
        ['rocm-smi', 'its answer lists no GPU'],
        ['amd-smi', 'it ended with 1'],
      ],
    )
  })

  test('is not started again while it cannot be ended', async () => {
    using fake = new FakeMachine()
    const started = join(fake.root, 'started')
    const pids = () => readFileSync(started, 'utf8').trim().split('\n').map(Number)
    fake.script('nvidia-smi', `echo $$ >> ${started}\nsleep 600`)
    const programs = new Programs({ path: fake.bin, timeoutMs: 2_000 })
    // A driver in trouble keeps its caller from dying: here nobody is killed.
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    try {
      const first = await programs.run('nvidia-smi', [])
      const second = await programs.run('nvidia-smi', [])
      assert.equal(first.kind === 'failed' && first.reason, 'no answer within 2 s')
      assert.match(second.kind === 'failed' ? second.reason : '', /still hangs/u)
      assert.equal(pids().length, 1)
    } finally {
      kill.mockRestore()
      for (const pid of pids()) process.kill(-pid, 'SIGKILL')
    }
  })

  test('is looked for in absolute folders only', async () => {
    using fake = new FakeMachine()
    fake.prints('nvidia-smi', { '': outputs.NVIDIA_TWO })
    const relative = new Programs({ path: '.:bin::' })
    assert.equal(await relative.find('nvidia-smi'), undefined)
    assert.equal(
      await new Programs({ path: `.:${fake.bin}` }).find('nvidia-smi'),
      join(fake.bin, 'nvidia-smi'),
    )
  })
})

describe('AMD’s cards on Linux', () => {
  const withCards = (fake: FakeMachine): void => {
    fake.card('card1', '0000:03:00.0', 'amdgpu', {
      vendor: '0x1002\n',
      device: '0x744c\n',
      mem_info_vram_total: '21458059264\n',
      mem_info_vram_used: '5368709120\n',
      gpu_busy_percent: '43\n',
      'hwmon/hwmon4/temp1_input': '57000\n',
      'hwmon/hwmon4/power1_average': '131000000\n',
      'drm/renderD128/dev': '226:128\n',
    })
    // The graphics part of the processor: other files, and asleep.
    fake.card('card0', '0000:c4:00.0', 'amdgpu', {
      vendor: '0x1002\n',
      mem_info_vram_total: '536870912\n',
      'hwmon/hwmon5/power1_input': '7222000\n',
    })
    fake.card('card2', '0000:05:00.0', 'ast', { vendor: '0x1a03\n' })
    fake.sysFile('class/drm/card1-DP-1/status', 'connected\n')
    fake.sysFile('class/kfd/kfd/topology/nodes/0/gpu_id', '0\n')
    fake.sysFile('class/kfd/kfd/topology/nodes/0/properties', 'cpu_cores_count 16\n')
    fake.sysFile('class/kfd/kfd/topology/nodes/1/gpu_id', '26967\n')
    fake.sysFile(
      'class/kfd/kfd/topology/nodes/1/properties',
      'cpu_cores_count 0\ndrm_render_minor 128\n',
    )
    fake.sysFile('class/kfd/kfd/proc/4711/vram_26967', '4294967296\n')
  }

  test('are read from the kernel, with names of AMD’s tool by PCI address', async () => {
    using fake = new FakeMachine()
    withCards(fake)
    fake.prints('rocm-smi', { '': outputs.ROCM_SMI_TWO })
    const { gpus } = await inspectMachine(fake.access())
    assert.deepEqual(gpus, [
      {
        id: 'amd:0',
        vendor: 'amd',
        name: 'Radeon RX 7900 XT',
        vramBytes: 21458059264,
        driver: 'amdgpu',
      },
      { id: 'amd:1', vendor: 'amd', name: 'Phoenix3', vramBytes: 536870912, driver: 'amdgpu' },
    ])
  })

  test('are watched without starting any program', async () => {
    using fake = new FakeMachine()
    withCards(fake)
    fake.script('rocm-smi', `touch ${join(fake.root, 'was-started')}`)
    const readings = await readGpus(fake.access())
    assert.deepEqual(readings, [
      {
        id: 'amd:0',
        utilization: 0.43,
        temperatureCelsius: 57,
        vramUsedBytes: 5368709120,
        powerWatts: 131,
        processes: [{ pid: 4711, vramBytes: 4294967296 }],
      },
      {
        id: 'amd:1',
        utilization: null,
        temperatureCelsius: null,
        vramUsedBytes: null,
        powerWatts: 7.222,
        processes: [],
      },
    ])
    assert.equal(existsSync(join(fake.root, 'was-started')), false)
  })

  test('are told by AMD’s tools where the kernel’s files are hidden', async () => {
    using fake = new FakeMachine()
    fake.prints('amd-smi', { static: outputs.AMD_SMI_7 })
    const { gpus } = await inspectMachine(fake.access())
    assert.deepEqual(
      gpus.map(({ name }) => name),
      ['AMD Instinct MI350X', 'AMD GPU'],
    )
  })
})

test('a Mac is asked by its own tools', async () => {
  using fake = new FakeMachine()
  fake.prints('system_profiler', { SPDisplaysDataType: outputs.PROFILER_M1 })
  fake.prints('sysctl', { iogpu: '0\n' })
  fake.prints('ioreg', { IOAccelerator: outputs.IOREG_M1 })
  const { gpus } = await inspectMachine(fake.access('darwin'))
  assert.deepEqual(gpus, [
    { id: 'apple:0', vendor: 'apple', name: 'Apple M1 Pro', vramBytes: 48 * GIB, driver: null },
  ])
  const [reading] = await readGpus(fake.access('darwin'))
  assert.equal(reading?.utilization, 0.08)
  assert.equal(reading?.vramUsedBytes, 987004928)
})

test('a machine without any GPU is fine', async () => {
  using fake = new FakeMachine()
  const { machine, findings } = await examineMachine(fake.access())
  assert.deepEqual([machine.gpus, findings], [[], []])
  assert.deepEqual(await readGpus(fake.access()), [])
})

test('another system without vendors’ tools asks the operating system, in a process of its own', async () => {
  using fake = new FakeMachine()
  // The child is this system’s systeminformation; whatever it finds here, it must answer.
  const { findings } = await examineMachine(fake.access('freebsd', { timeoutMs: 20_000 }))
  assert.deepEqual(findings, [])
})

test('this very machine can be inspected', async () => {
  const machine = await inspectMachine()
  assert.ok(machine.memoryBytes > 2 ** 27)
  assert.equal((await readGpus(thisMachine())).length, machine.gpus.length)
})
