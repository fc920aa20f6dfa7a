import { expect, test } from 'vitest'
import { focusTags } from './focus-tags.ts'

test.each<[readonly string[], object]>([
  [[], {}],
  [['trial'], { trial: true }],
  [['team:web', 'trial'], { team: 'web', trial: true }],
  [['team:web', 'team:data'], { team: 'data,web' }],
  [['team', 'team:web'], { team: 'web' }],
  [['url:https://a.test/'], { url: 'https://a.test/' }],
  [[':x', 'y:'], { ':x': true, 'y:': true }],
  [['a "b"'], { 'a "b"': true }],
])('the tags %j are one object', (tags, object) => {
  expect(JSON.parse(focusTags(tags))).toEqual(object)
})

test('equal tags make equal texts, in whatever order they come', () => {
  expect(focusTags(['b:2', 'a', 'b:1'])).toBe(focusTags(['a', 'b:1', 'b:2']))
})
