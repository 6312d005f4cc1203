'use strict';

// The vendor's sample signature service (document 584/9371) in our own words: eight keys as a query string,
// HMAC-SHA1 before it, base64 around both. Started by reelgate-bench, which tells the port from what is said here.

const { createHmac } = require('node:crypto');
const { stringify } = require('node:querystring');
const express = require('express');

const SECRET_ID = 'AKIDexample0001vodvector00000000bench';
const SECRET_KEY = 'QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B';
const VALID_SECONDS = 86400;

// As long as the caller wants it, so that all peers sign strings of one length.
const sourceContext = 'c'.repeat(Number(process.argv[2] ?? 0));

const app = express();

app.get('/getUploadSignature', (_request, response) => {
  const now = Math.floor(Date.now() / 1000);
  const original = stringify({
    secretId: SECRET_ID,
    currentTimeStamp: now,
    expireTime: now + VALID_SECONDS,
    random: Math.floor(Math.random() * 2 ** 32),
    procedure: '',
    classId: 0,
    oneTimeValid: 0,
    sourceContext,
  });
  const mac = createHmac('sha1', SECRET_KEY).update(original).digest();
  const signature = Buffer.concat([mac, Buffer.from(original)]).toString('base64');
  response.json({ code: 0, message: 'ok', data: { signature } });
});

const server = app.listen(0, '127.0.0.1', () => {
  process.stderr.write(`Express listens on http://127.0.0.1:${server.address().port}\n`);
});
