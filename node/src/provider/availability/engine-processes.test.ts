import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { ProcessFacts } from '../../machine/lineage.ts'
import { areRecognizable, servesEngines } from './engine-processes.ts'

const SELF = 4000
const run = (comm: string, command: string, pid = 77, parent = 1): ProcessFacts => ({
  pid,
  parent,
  comm,
  argv: command.split(' '),
})

test.each([
  ['ollama', run('ollama', '/usr/local/bin/ollama runner --model /x/blobs/sha256-1')],
  ['ollama', run('ollama_llama_se', '/tmp/ollama1/runners/cuda_v12/ollama_llama_server --port 1')],
  ['vllm', run('VLLM::EngineCor', 'VLLM::EngineCore')],
  ['vllm', run('vllm', '/usr/bin/python3 /usr/local/bin/vllm serve Qwen/Qwen3-8B')],
  ['vllm', run('python3', 'python3 -m vllm.entrypoints.openai.api_server --model x')],
  ['vllm', run('python3.12', '/opt/venv/bin/python3.12 -u -m vllm.entrypoints.openai.api_server')],
  ['llama.cpp', run('llama-server', '/app/llama-server -m /models/x.gguf')],
  ['llama.cpp', run('server', '/home/me/llama.cpp/build/bin/server -m x.gguf')],
  [
    'tgi',
    run('text-generation', '/opt/conda/bin/python3.11 /opt/conda/bin/text-generation-server serve'),
  ],
  ['lm-studio', run('node', '/home/me/.lmstudio/.internal/utils/node /x/worker.js')],
  ['lm-studio', run('LM Studio', '/opt/LM-Studio/lm-studio --type=utility')],
  ['localai', run('llama-cpp-avx2', '/tmp/localai/backend_data/backend-assets/grpc/llama-cpp')],
])('%s is known by its process: %j', (engine, process) => {
  assert.equal(servesEngines([process], [engine], SELF), true)
  assert.equal(servesEngines([process], ['builtin'], SELF), false)
})

test.each([
  run('game', '/home/me/games/game --profile ollama'),
  run('python3', 'python3 train.py --teacher vllm'),
  run('python3', 'python3 train.py -m vllm'),
  run('blender', '/usr/bin/blender'),
  run('', ''),
])('what only speaks of an engine is none: %j', (process) => {
  const engines = ['ollama', 'vllm', 'llama.cpp', 'tgi', 'lm-studio', 'localai', 'builtin']
  assert.equal(servesEngines([process], engines, SELF), false)
})

test('an engine that is not on offer is somebody else', () => {
  const process = run('ollama', '/usr/local/bin/ollama runner')
  assert.equal(servesEngines([process], ['vllm', 'builtin'], SELF), false)
})

test('a worker without a name of its own is known by whom it descends from', () => {
  const spawned = run('python3', 'python3 -c from_multiprocessing.spawn_import_spawn_main', 80, 77)
  const vllm = run('python3', 'python3 -m vllm.entrypoints.openai.api_server', 77, 1)
  assert.equal(servesEngines([spawned], ['vllm'], SELF), false)
  assert.equal(servesEngines([spawned, vllm], ['vllm'], SELF), true)
  const worker = run('node', '/usr/bin/node worker.ts', 81, SELF)
  assert.equal(servesEngines([worker, run('node', 'node hanse', SELF)], ['builtin'], SELF), true)
})

test('only engines with processes that are known can be told from other programs', () => {
  assert.equal(areRecognizable(['builtin', 'ollama', 'vllm']), true)
  assert.equal(areRecognizable(['builtin', 'openai']), false)
  assert.equal(areRecognizable(['constructor']), false)
})
