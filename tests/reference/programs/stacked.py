"""Denoising autoencoders in a stack: layers share weights with them, are trained one by one, then together."""

import json

import numpy
import theano
import theano.tensor as T
from autoencoder import dA
from data import shared_dataset, striped
from logistic import LogisticRegression
from mlp import HiddenLayer
from theano.sandbox.rng_mrg import MRG_RandomStreams


class SdA:
    def __init__(self, numpy_rng, n_ins, hidden_layers_sizes, n_outs):
        self.sigmoid_layers, self.dA_layers, self.params = [], [], []
        theano_rng = MRG_RandomStreams(numpy_rng.randint(2 ** 30))
        self.x, self.y = T.matrix("x"), T.ivector("y")
        for i, size in enumerate(hidden_layers_sizes):
            below = self.x if i == 0 else self.sigmoid_layers[-1].output
            layer = HiddenLayer(rng=numpy_rng, input=below, n_in=n_ins if i == 0 else hidden_layers_sizes[i - 1],
                                n_out=size, activation=T.nnet.sigmoid)
            self.sigmoid_layers.append(layer)
            self.params.extend(layer.params)
            self.dA_layers.append(dA(numpy_rng=numpy_rng, theano_rng=theano_rng, input=below,
                                     n_visible=layer.W.get_value(borrow=True).shape[0], n_hidden=size,
                                     W=layer.W, bhid=layer.b))
        self.logLayer = LogisticRegression(input=self.sigmoid_layers[-1].output, n_in=size, n_out=n_outs)
        self.params.extend(self.logLayer.params)
        self.finetune_cost = self.logLayer.negative_log_likelihood(self.y)
        self.errors = self.logLayer.errors(self.y)

    def pretraining_functions(self, train_set_x, batch_size):
        index = T.lscalar("index")
        corruption_level, learning_rate = T.scalar("corruption"), T.scalar("lr")
        begin = index * batch_size
        functions = []
        for layer in self.dA_layers:
            cost, updates = layer.get_cost_updates(corruption_level, learning_rate)
            functions.append(theano.function(
                inputs=[index, theano.In(corruption_level, value=0.2), theano.In(learning_rate, value=0.1)],
                outputs=cost, updates=updates, givens={self.x: train_set_x[begin:begin + batch_size]},
            ))
        return functions

    def build_finetune_functions(self, train, valid, batch_size, learning_rate):
        (train_x, train_y), (valid_x, valid_y) = train, valid
        index = T.lscalar("index")
        gparams = T.grad(self.finetune_cost, self.params)
        part = slice(index * batch_size, (index + 1) * batch_size)
        train_fn = theano.function(
            inputs=[index], outputs=self.finetune_cost, name="train",
            updates=[(param, param - gparam * learning_rate) for param, gparam in zip(self.params, gparams)],
            givens={self.x: train_x[part], self.y: train_y[part]},
        )
        valid_score_i = theano.function(
            [index], self.errors, givens={self.x: valid_x[part], self.y: valid_y[part]}, name="valid"
        )
        return train_fn, lambda: [float(valid_score_i(i)) for i in range(5)]


def main(batch_size=20):
    train, valid = shared_dataset(striped(seed=1)), shared_dataset(striped(100, seed=2))
    sda = SdA(numpy.random.RandomState(89677), 36, [20, 14], 3)
    pretrained = []
    for function, corruption in zip(sda.pretraining_functions(train[0], batch_size), (0.1, 0.2)):
        costs = [numpy.mean([function(index=k, corruption=corruption, lr=0.1) for k in range(12)]) for _ in range(5)]
        pretrained.append([float(c) for c in costs])
        assert function(0) > 0
    train_fn, validate = sda.build_finetune_functions(train, valid, batch_size, 0.5)
    costs = [float(numpy.mean([train_fn(k) for k in range(12)])) for _ in range(12)]
    print(json.dumps({"pretrained": pretrained, "costs": costs, "errors": float(numpy.mean(validate()))}))


if __name__ == "__main__":
    main()
