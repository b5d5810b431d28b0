import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from '@bufbuild/protobuf';

type Commented = DescService | DescMethod | DescMessage | DescField | DescEnum | DescEnumValue;

/** Numbers of the fields in `descriptor.proto` that lead from a file to what is described in it. */
const IN_FILE = { message: 4, enum: 5, service: 6 } as const;
const IN_MESSAGE = { field: 2, message: 3, enum: 4 } as const;
const MEMBER = 2;

/** The comment before something in its `.proto`, as one paragraph; empty: none. Needs descriptors with source information. */
export function commentOf(desc: Commented): string {
  const path = pathOf(desc).join('.');
  const text = commentsOf(fileOf(desc)).get(path) ?? '';
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}

const read = new WeakMap<DescFile, Map<string, string>>();

function commentsOf(file: DescFile): Map<string, string> {
  const known = read.get(file);
  if (known !== undefined) return known;
  const locations = file.proto.sourceCodeInfo?.location ?? [];
  const found = new Map(locations.map(({ path, leadingComments }) => [path.join('.'), leadingComments]));
  read.set(file, found);
  return found;
}

function fileOf(desc: Commented): DescFile {
  if (desc.kind === 'rpc' || desc.kind === 'enum_value' || desc.kind === 'field') return desc.parent.file;
  return desc.file;
}

function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case 'service':
      return [IN_FILE.service, desc.file.proto.service.indexOf(desc.proto)];
    case 'rpc':
      return [...pathOf(desc.parent), MEMBER, desc.parent.proto.method.indexOf(desc.proto)];
    case 'field':
      return [...pathOf(desc.parent), IN_MESSAGE.field, desc.parent.proto.field.indexOf(desc.proto)];
    case 'enum_value':
      return [...pathOf(desc.parent), MEMBER, desc.parent.proto.value.indexOf(desc.proto)];
    case 'message':
      return desc.parent === undefined
        ? [IN_FILE.message, desc.file.proto.messageType.indexOf(desc.proto)]
        : [...pathOf(desc.parent), IN_MESSAGE.message, desc.parent.proto.nestedType.indexOf(desc.proto)];
    case 'enum':
      return desc.parent === undefined
        ? [IN_FILE.enum, desc.file.proto.enumType.indexOf(desc.proto)]
        : [...pathOf(desc.parent), IN_MESSAGE.enum, desc.parent.proto.enumType.indexOf(desc.proto)];
  }
}
