import assert from 'node:assert/strict'
import { test } from 'vitest'
import { loadOf } from './engine-load.ts'

test('vLLM’s gauges are summed over its engines, and the fullest cache counts', () => {
  const metrics = [
    '# TYPE vllm:num_requests_running gauge',
    'vllm:num_requests_running{engine="0",model_name="m"} 3.0',
    'vllm:num_requests_running{engine="1",model_name="m"} 2.0',
    'vllm:num_requests_waiting{engine="0",model_name="m"} 4.0',
    'vllm:num_requests_waiting{engine="1",model_name="m"} NaN',
    'vllm:gpu_cache_usage_perc{engine="0",model_name="a } b"} 0.25',
    'vllm:gpu_cache_usage_perc{engine="1",model_name="m"} 0.5',
  ].join('\n')
  assert.deepEqual(loadOf('vllm', metrics), { running: 5, waiting: 4, cacheUsed: 0.5 })
})

test('llama.cpp and TGI have names of their own', () => {
  const llama = 'llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n'
  assert.deepEqual(loadOf('llama.cpp', llama), { running: 1, waiting: 2 })
  assert.deepEqual(loadOf('tgi', 'tgi_batch_current_size 3\ntgi_queue_size 0\n'), {
    running: 3,
    waiting: 0,
  })
})

test.each(['', '<html>not found</html>', 'vllm:num_requests_running{engine="0"} NaN'])(
  'metrics that do not tell give no load: %s',
  (metrics) => {
    assert.equal(loadOf('vllm', metrics), undefined)
    assert.equal(loadOf('openai', metrics), undefined)
  },
)
