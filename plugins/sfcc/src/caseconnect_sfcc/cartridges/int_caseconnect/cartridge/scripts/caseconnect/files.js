'use strict';

/**
 * Files of a shopper. They are named by us, typed by their first bytes, limited in number and size, and kept below
 * IMPEX, where only WebDAV clients with permission read them; no storefront address leads there.
 */

var File = require('dw/io/File');
var RandomAccessFileReader = require('dw/io/RandomAccessFileReader');
var Site = require('dw/system/Site');

var MOST = 5;
var LARGEST = 10 * 1024 * 1024;
var LONGEST_NAME = 80;
var TYPES = [
    { type: 'application/pdf', ending: '.pdf', starts: [0x25, 0x50, 0x44, 0x46] },
    { type: 'image/jpeg', ending: '.jpg', starts: [0xff, 0xd8, 0xff] },
    { type: 'image/png', ending: '.png', starts: [0x89, 0x50, 0x4e, 0x47] }
];

function typeOf(file) {
    var reader = new RandomAccessFileReader(file);
    var bytes;
    try {
        bytes = reader.readBytes(4);
    } finally {
        reader.close();
    }
    for (var i = 0; i < TYPES.length; i += 1) {
        var fits = bytes.length >= TYPES[i].starts.length;
        for (var at = 0; fits && at < TYPES[i].starts.length; at += 1) {
            /* eslint-disable-next-line no-bitwise */
            fits = (bytes.byteAt(at) & 0xff) === TYPES[i].starts[at];
        }
        if (fits) {
            return TYPES[i];
        }
    }
    return null;
}

/** The shopper's name for a file, without folders and without what has a meaning anywhere. */
function shown(name) {
    var last = String(name).split(/[\\/]/).pop();
    return last.replace(/[^\w. -]/g, '_').substring(0, LONGEST_NAME);
}

function problemOf(file) {
    if (!file.exists() || file.length() === 0) {
        return 'error.file.empty';
    }
    if (file.length() > LARGEST) {
        return 'error.file.large';
    }
    return typeOf(file) ? null : 'error.file.type';
}

/** Removes what was received, when nothing comes of it. */
function discard(received) {
    received.files.forEach(function (each) {
        if (each.file.exists()) {
            each.file.remove();
        }
    });
    if (received.folder.exists()) {
        received.folder.remove();
    }
}

/**
 * Takes the files of a multipart request.
 * @param {dw.web.HttpParameterMap} parameters - of the request
 * @param {string} type - custom object type
 * @param {string} key - of the custom object
 * @returns {Object} problem (a message key, and nothing is kept), or documents: [{name, path, type, size}]
 */
function receive(parameters, type, key) {
    var path = ['src', 'caseconnect', Site.getCurrent().getID(), type, key].join('/');
    var received = { folder: new File(File.IMPEX + '/' + path), files: [] };
    var problem = null;
    parameters.processMultipart(function (field, contentType, name) {
        if (field !== 'files' || !name) {
            return null;
        }
        if (received.files.length >= MOST) {
            problem = 'error.file.many';
            return null;
        }
        received.folder.mkdirs();
        var own = 'file' + (received.files.length + 1);
        var file = new File(received.folder, own);
        received.files.push({ file: file, own: own, name: shown(name) });
        return file;
    });
    received.files.forEach(function (each) {
        problem = problem || problemOf(each.file);
    });
    if (problem) {
        discard(received);
        return { problem: problem };
    }
    var documents = received.files.map(function (each) {
        var found = typeOf(each.file);
        var size = each.file.length();
        var named = new File(received.folder, each.own + found.ending);
        each.file.renameTo(named);
        each.file = named;
        return { name: each.name, path: path + '/' + each.own + found.ending, type: found.type, size: size };
    });
    return { documents: documents, discard: discard.bind(null, received) };
}

exports.receive = receive;
