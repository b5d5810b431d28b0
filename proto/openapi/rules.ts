import { getOption, hasOption, type DescField } from '@bufbuild/protobuf';
import {
  field as fieldRules,
  type FieldRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

type Keywords = { [keyword: string]: unknown };

/** What the proto's rules ask of a field's value, and of the items of a list, in the words of JSON schema. */
export function rulesOf(field: DescField): { value: Keywords; items: Keywords } {
  if (!hasOption(field, fieldRules)) return { value: {}, items: {} };
  const rules = getOption(field, fieldRules);
  const { type } = rules;
  if (type.case !== 'repeated') return { value: keywords(rules, field), items: {} };
  const { minItems, maxItems, items } = type.value;
  return {
    value: { ...count('minItems', minItems), ...count('maxItems', maxItems) },
    items: items === undefined ? {} : keywords(items, field),
  };
}

/** Of the rules that the protos have; others are told by the answer to whoever breaks them. */
function keywords({ type }: FieldRules, field: DescField): Keywords {
  if (type.case === 'string') {
    const { minLen, maxLen, pattern, in: allowed } = type.value;
    return {
      ...count('minLength', minLen),
      ...count('maxLength', maxLen),
      ...(pattern === '' ? {} : { pattern }),
      ...(allowed.length === 0 ? {} : { enum: allowed }),
    };
  }
  if (type.case === 'int32') {
    const { greaterThan, lessThan } = type.value;
    return {
      ...(greaterThan.case === 'gte' ? { minimum: greaterThan.value } : {}),
      ...(greaterThan.case === 'gt' ? { exclusiveMinimum: greaterThan.value } : {}),
      ...(lessThan.case === 'lte' ? { maximum: lessThan.value } : {}),
      ...(lessThan.case === 'lt' ? { exclusiveMaximum: lessThan.value } : {}),
    };
  }
  if (type.case !== 'enum') return {};
  const refused = type.value.notIn.map(
    (number) => field.enum?.values.find((value) => value.number === number)?.name,
  );
  return refused.length === 0 ? {} : { not: { enum: refused } };
}

const count = (keyword: string, value: bigint): Keywords => (value > 0n ? { [keyword]: Number(value) } : {});
