/** Returns base64url of the UTF-8 of `text`, without padding. */
export declare const toBase64Url: (text: string) => string;
/** Returns the JSON form of a value, with tags for what JSON cannot hold. */
export declare function encode(value: unknown, depth?: number): unknown;
/** Returns the value of a JSON form. */
export declare function decode(json: unknown, depth?: number): unknown;
/** Returns one text for equal values, whatever the order of their fields. */
export declare const stableKey: (value: unknown) => string;
