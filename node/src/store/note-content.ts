/**
 * What settlement is told of sessions besides their receipts: nothing; how long they took; also their tags and the key of the
 * gateway; also whom the client asked for.
 */
export const NOTE_CONTENTS = ['off', 'timings', 'tags', 'all'] as const
export type NoteContent = (typeof NOTE_CONTENTS)[number]
